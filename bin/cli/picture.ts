/** A report as lines for a terminal: each service has its picture, those that we do not know have their fields. Pure. */
import type { Style } from './canvas.js';
import type { Caption } from './caption.js';
import { pictureOfClass } from './picture-class.js';
import { pictureOfDiff } from './picture-diff.js';
import { pictureOfDigram } from './picture-digram.js';
import { pictureOfEnt } from './picture-ent.js';
import { pictureOfFields } from './picture-fields.js';
import { pictureOfHist } from './picture-hist.js';
import { pictureOfStats } from './picture-stats.js';
import type { ReportView } from './report.js';

/** Lines of a picture; none is wider than the style's columns, and no more than its rows are given. */
export function picture(report: ReportView, style: Style, caption: Caption = {}): string[] {
  return pictureOf(report, style, caption).slice(0, style.rows ?? Infinity);
}

function pictureOf(report: ReportView, style: Style, caption: Caption): string[] {
  switch (report.service) {
    case 'HIST':
      return pictureOfHist(report, style, caption);
    case 'ENT':
      return pictureOfEnt(report, style, caption);
    case 'DIFF':
      return pictureOfDiff(report, style, caption);
    case 'CLASS':
      return pictureOfClass(report, style, caption);
    case 'DIGRAM':
      return pictureOfDigram(report, style, caption);
    case 'STATS':
      return pictureOfStats(report, style, caption);
    default:
      return pictureOfFields(report, style, caption);
  }
}
