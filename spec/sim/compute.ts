/** A task computed from bytes at hand by the real service: what the worker's engine does with files, without them. */
import { encodePart, fieldsOf, type PartFrames, sizeOf, type Task } from '../../protocol/index.js';
import { PartBuilder } from '../../workers/fold.js';
import { batchBytesMax, cutBatch, Rows } from '../../workers/rows.js';
import type { AnyWorker, TaskView } from '../../workers/service.js';

/** `batchBytes`: how the rows are cut, which must not show in the part. */
export function computePart(
  service: AnyWorker,
  { runs, cellBytes, form, params }: Task,
  files: readonly Uint8Array[],
  batchBytes: number,
): PartFrames {
  const [start, end] = runs[0]!;
  const { overlap, shift: shiftName } = service.descriptor;
  const shift = shiftName === undefined ? 0 : sizeOf(shiftName, params);
  const builder = new PartBuilder(service, { start, end, cellBytes, form, params, sampled: false });
  const rows = new Rows();
  rows.overlapBytes = sizeOf(overlap, params);
  const view: TaskView = {
    params: params as TaskView['params'],
    form,
    inputs: files.map(({ length }) => ({ size: length })),
    signal: new AbortController().signal,
    check() {},
  };
  const stretchBytes = form === 'whole' ? batchBytesMax : batchBytes;
  for (let at = start; at < end; at = rows.end) {
    cutBatch(at, end, { cellBytes, rowBytes: service.definition.rowBytes, stretchBytes }, batchBytes, rows.edges);
    rows.current = 0;
    rows.held = files.map((bytes, input) => {
      const from = at + (input === 0 ? 0 : shift);
      return { bytes, at: from, length: Math.min(bytes.length, from + rows.end - at + rows.overlapBytes) - from };
    });
    const out = builder.outs(rows);
    const pending = service.compute(rows, out, view);
    if (pending) throw new Error('the simulation runs synchronous services');
    builder.take(rows);
  }
  return encodePart(fieldsOf(service.descriptor, form), builder.part());
}
