/** Commands of the broker's core as lines of a story. */
import type { BrokerCommand } from '../../broker/index.js';
import {
  decodeReport,
  type Fault,
  type FinishTask,
  plainErrorMark,
  type Report,
  type Task,
  text,
  unpackMap,
} from '../../protocol/index.js';

type MessageOf<K extends BrokerCommand['kind']> = Extract<BrokerCommand, { kind: K; message: unknown }>['message'];

/** Job ids as their short names. */
export const shortId = (text: string) =>
  text.replace(/26:([a-z])\1{25}(?=\d)/g, '$1').replace(/26:[a-z2-7]{26}(?=\d)/g, 'plain');

/** A command as a line; whole reports in it are shown to `onReport`. */
export function commandLine(command: BrokerCommand, onReport: (report: Report) => void): string {
  switch (command.kind) {
    case 'sendToClient':
      return `${command.peer} ← ${toClient(command.message, onReport)}`;
    case 'sendToPlainClient': {
      const { kind, service, body } = command.message;
      return `${command.peer} ← ${kind === 'plainFinal' ? 'FINAL' : 'PARTIAL'} ${service} ${plainBody(body, onReport)}`;
    }
    case 'sendToWorker':
      return `${command.peer} ← ${toWorker(command.message)}`;
    case 'sendToPlainWorker': {
      const { message } = command;
      if (message.kind !== 'plainAssign') return `${command.peer} ← ${message.kind.replace('plain', '').toLowerCase()}`;
      return `${command.peer} ← REQUEST ${text(message.address)} ${quoted(message.body)}`;
    }
    case 'sendReport':
      return `${command.peer} ← report of ${shortId(command.jobId)}`;
    case 'publishCancel':
      return `publish cancel ${shortId(command.jobId)}`;
    case 'publishTick':
      return 'tick';
    case 'measureInputs':
      return `measure ${shortId(command.jobId)} for ${command.descriptor.name}`;
    case 'readChunk':
      return `read ${command.bounds.start}_${command.bounds.end} for ${shortId(command.jobId)}`;
    case 'writeChunk':
      return `write ${command.bounds.start}_${command.bounds.end}`;
    case 'hashInput':
      return `hash ${text(command.input.path)}`;
    case 'pauseHashing':
      return 'pause hashing';
    case 'resumeHashing':
      return 'resume hashing';
    default:
      return command satisfies never;
  }
}

function toClient(message: MessageOf<'sendToClient'>, onReport: (report: Report) => void): string {
  switch (message.kind) {
    case 'welcome':
      return `welcome ${message.epoch}`;
    case 'partial':
    case 'final':
      return `${message.kind.toUpperCase()} ${message.requestId} ${reportLine(message.report, onReport)}`;
    case 'rawPartial':
    case 'rawFinal':
      return `${message.kind === 'rawFinal' ? 'FINAL' : 'PARTIAL'} ${message.requestId} ${message.service} ${quoted(message.body)}`;
    case 'error':
      return `ERROR ${message.requestId} ${faultLine(message.fault)}`;
    case 'cancelAck':
      return `CANCEL ${shortId(message.jobId)} ${message.outcome}`;
    case 'clientHeartbeat':
      return 'heartbeat';
    case 'clientDisconnect':
      return 'disconnect';
    default:
      return message satisfies never;
  }
}

function reportLine(report: Report, onReport: (report: Report) => void): string {
  onReport(report);
  return `${report.service} n=${report.scalars.n}${report.exact ? '' : ` at ${report.completion}`}`;
}

function plainBody(body: readonly Uint8Array[], onReport: (report: Report) => void): string {
  if (body[0] && text(body[0]) === plainErrorMark) return faultLine(unpackMap(body[1]!) as unknown as Fault);
  try {
    return reportLine(decodeReport(body), onReport);
  } catch {
    return quoted(body);
  }
}

const quoted = (body: readonly Uint8Array[]) => body.map((frame) => JSON.stringify(text(frame))).join(' ');

function faultLine({ code, message, jobId, range }: Fault): string {
  const where = range ? ` [${range}]` : '';
  return `${code}${jobId === undefined ? '' : ` of ${shortId(jobId)}`}: ${message}${where}`;
}

function runsLine(task: Task | FinishTask): string {
  if (task.kind === 'finish') return `finish ${task.rows} rows of ${task.arrays}`;
  const { kind, runs } = task;
  return kind === 'exact' ? `${runs[0]![0]}:${runs[0]![1]}` : `${runs.length} runs from ${runs[0]![0]}`;
}

function toWorker(message: MessageOf<'sendToWorker'>): string {
  switch (message.kind) {
    case 'welcome':
      return `welcome ${message.epoch}`;
    case 'assign':
      return `task ${message.attempt} of ${shortId(message.jobId)}: ${runsLine(message.task)}`;
    case 'workerCancel':
      return `cancel ${message.waiting ? 'waiting ' : ''}${shortId(message.jobId)}: ${message.attempts}`;
    case 'workerHeartbeat':
      return 'heartbeat';
    case 'workerDisconnect':
      return 'disconnect';
    default:
      return message satisfies never;
  }
}
