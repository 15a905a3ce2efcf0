/** A finish task: merged rows into the service's own `finish`, what it returns into frames. */
import { BinglideError, fail } from '../protocol/errors.js';
import { decodeFinishColumns, encodeFinished } from '../protocol/finishing.js';
import type { FinishTask } from '../protocol/messages.js';
import { checkParams } from '../protocol/params.js';
import { toldBy } from './blame.js';
import { TaskFailure, type TaskResult } from './engine.js';
import type { FieldDefs } from './fields.js';
import type { AnyWorker, PartView } from './service.js';

/** Throws TaskFailure and nothing else. */
export function runFinish(service: AnyWorker, task: FinishTask): TaskResult {
  const began = performance.now();
  const work = () => ({ bytesRead: 0, ms: performance.now() - began });
  try {
    return { part: finish(service, task), work: work() };
  } catch (error) {
    const { name } = service.descriptor;
    const isOurs = error instanceof BinglideError;
    throw new TaskFailure(isOurs ? error : fail('E_SERVICE', `${name} failed in finish: ${toldBy(error)}`), work());
  }
}

function finish(service: AnyWorker, task: FinishTask) {
  const { name, fields, report, finish: isThere } = service.descriptor;
  if (!isThere) throw fail('E_PROTOCOL', `task of ${name}: it has no finish`);
  const params = checkParams(service.descriptor, task.params);
  const columns = decodeFinishColumns(fields, params, task);
  const returned: { [output: string]: Float64Array } = {};
  for (const [output, value] of Object.entries(service.finish(columns as PartView<FieldDefs>, params))) {
    returned[output] = numbersOf(name, output, value);
  }
  const outputs = report.map((output) => output.name);
  return encodeFinished(name, outputs, task.rows, returned);
}

function numbersOf(service: string, output: string, value: unknown): Float64Array {
  const isList = Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
  if (!isList)
    throw fail('E_SERVICE', `${service}: finish returns ${output} as ${typeof value}; wanted a list of numbers`);
  return Float64Array.from(value as unknown as ArrayLike<number>, Number);
}
