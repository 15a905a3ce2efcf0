/** A slot's id where whoever started the process gave none. */
import type { SlotId } from '../protocol/ids.js';

/** Unique as far as one needs who starts a worker by hand. */
export function slotName(): SlotId {
  return `${process.pid}.${Math.random().toString(36).slice(2, 10)}` as SlotId;
}
