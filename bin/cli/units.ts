/** Numbers as people read them: 1024-based units, grouped digits, times. Machines get plain numbers instead. */

const unitNames = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

function unitOf(bytes: number): number {
  let unit = 0;
  // 1023.95 of a unit would print as 1024.0.
  while (unit < unitNames.length - 1 && bytes >= (unit === 0 ? 1024 : 1023.95) * 1024 ** unit) unit++;
  return unit;
}

function inUnit(bytes: number, unit: number): string {
  if (unit === 0) return Math.round(bytes).toLocaleString('en-US');
  const value = bytes / 1024 ** unit;
  return value.toFixed(value >= 100 ? 0 : 1);
}

/** "4,095 bytes" is "4.0 KiB" from 1024 on: one decimal, none from 100. */
export function size(bytes: number): string {
  const unit = unitOf(bytes);
  return unit === 0 && Math.round(bytes) === 1 ? '1 byte' : `${inUnit(bytes, unit)} ${unitNames[unit]}`;
}

/** "586 of 932 GiB": both in the unit of the whole. */
export function sizeOf(part: number, whole: number): string {
  const unit = unitOf(whole);
  return `${inUnit(part, unit)} of ${inUnit(whole, unit)} ${unitNames[unit]}`;
}

/** Widths of cells, exact: "128 KiB", "4,100 bytes". */
export function exactSize(bytes: number): string {
  let unit = 0;
  while (unit < unitNames.length - 1 && bytes > 0 && bytes % 1024 ** (unit + 1) === 0) unit++;
  return bytes === 1 ? '1 byte' : `${(bytes / 1024 ** unit).toLocaleString('en-US')} ${unitNames[unit]}`;
}

export function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

/** "1 place", "3 places". */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}

export function hex(offset: number): string {
  return `0x${offset.toString(16)}`;
}

/** "0x0:0x5e597d0", as --range takes it. */
export function hexRange(start: number, end: number): string {
  return `${hex(start)}:${hex(end)}`;
}

/** Two hex digits of a byte's value. */
export function byteName(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, '0');
}

/** A share from 0 to 1; "<0.1%" rather than a zero that is none. */
export function percent(share: number, digits: number): string {
  const least = 10 ** -digits;
  if (share > 0 && share * 100 < least) return `<${least.toFixed(digits)}%`;
  return `${(share * 100).toFixed(digits)}%`;
}

/** Completion in whole percent; 100 only where nothing is left. */
export function completionPercent(completion: number): string {
  return `${completion >= 1 ? 100 : Math.min(99, Math.floor(completion * 100))}%`;
}

/** "0:09", "9:39", "1:02:03". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number: number) => String(number).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** "0.09 s", "12.3 s", "4:05". */
export function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds >= 100) return clock(seconds);
  return `${seconds.toFixed(seconds >= 10 ? 1 : seconds >= 0.01 ? 2 : 3)} s`;
}
