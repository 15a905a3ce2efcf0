/**
 * The inner loops as WebAssembly (AssemblyScript). Each has a plain TypeScript twin in the folder above, which says
 * what it computes; specs hold them together.
 *
 * Rules: nothing is imported and nothing allocated. Scratch and results rest at fixed places, told by the functions
 * `…At`; inputs lie behind them, from `inputsAt` on, where the engine reads files into. The memory never grows, so
 * that views of it stay good. A function may read up to 64 bytes past its input, inside the memory; it uses none.
 */
export { addClasses, classesAt } from './classes';
export { addDifference, beginDifference, endDifference, intervalsAt, intervalsMax, stateAt, xorAt } from './difference';
export { addDigrams, clearDigrams, digramsAt, sumDigrams } from './digrams';
export {
  addBlocks,
  addLeaves,
  blocksAt,
  blocksMax,
  extremesAt,
  pieceCountsAt,
  tableAt,
  takeBlock,
  takeTable,
  totalCountsAt,
} from './entropy';
export { addHistogram, countsAt } from './histogram';
export { addCircle, addProducts, productsAt } from './moments';
export {
  addCounts,
  batchRowsAt,
  batchRowsMax,
  cellRowsAt,
  cellRowsMax,
  countsMax,
  leaveOneOut,
  logsAt,
  sumsAt,
} from './rows';

/** The first page of the memory that is free for inputs. */
export function inputsAt(): usize {
  return (__heap_base + 4095) & ~4095;
}
