/** A task computed from bytes at hand by the real service: what the worker's engine does with files, without them. */
import { encodePart, fieldsOf, type PartFrames, sampleFields, sizeOf, type Task } from '../../protocol/index.js';
import { PartBuilder } from '../../workers/fold.js';
import { batchBytesMax, cutRows, Rows } from '../../workers/rows.js';
import type { AnyWorker, TaskView } from '../../workers/service.js';

/** `batchBytes`: how the rows are cut, which must not show in the part. */
export function computePart(
  service: AnyWorker,
  { kind, runs, cellBytes, form, params }: Task,
  files: readonly Uint8Array[],
  batchBytes: number,
): PartFrames {
  const [start, end] = [runs[0]![0], runs.at(-1)![1]];
  const sampled = kind === 'sample';
  const { overlap, shift: shiftName } = service.descriptor;
  const shift = shiftName === undefined ? 0 : sizeOf(shiftName, params);
  const builder = new PartBuilder(service, { start, end, cellBytes, form, params, sampled });
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
  const compute = (index: number, at: number, stop: number) => {
    rows.clear();
    const grid = { cellBytes, rowBytes: service.definition.rowBytes, stretchBytes };
    cutRows(rows, at, { index, end: stop }, grid, batchBytes);
    rows.held = files.map((bytes, input) => {
      const moved = input === 0 ? 0 : shift;
      return { bytes, at: rows.starts.map((offset) => offset + moved), inputEnd: bytes.length - moved };
    });
    const out = builder.outs(rows);
    const pending = service.compute(rows, out, view);
    if (pending) throw new Error('the simulation runs synchronous services');
    builder.take(rows);
  };
  runs.forEach(([from, to], index) => {
    for (let at = from; at < to; at = rows.end) compute(index, at, to);
  });
  const fields = fieldsOf(service.descriptor, form);
  return encodePart(sampled ? [...fields, ...sampleFields] : fields, builder.part());
}
