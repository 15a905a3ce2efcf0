/** The repository's own sources as text, and what they import: for the spec that guards the house. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { packageRoot } from './root.js';

export const folders = ['protocol', 'cache', 'broker', 'workers', 'client', 'conform', 'bin', 'spec', 'bench'] as const;

export interface Import {
  /** A path from the package root for our own files, else the package or `node:` module. */
  readonly target: string;
  readonly isOwn: boolean;
  /** Nothing of it is there when the program runs. */
  readonly isType: boolean;
  /** Named by URL, as a thread or a process to start. */
  readonly isStarted: boolean;
}

export interface Source {
  /** From the package root. */
  readonly path: string;
  readonly folder: string;
  readonly text: string;
  /** Without comments and without what stands inside texts. */
  readonly code: string;
  readonly imports: readonly Import[];
}

export function readSources(): Source[] {
  return folders.flatMap((folder) => filesOf(folder)).map(sourceOf);
}

function filesOf(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(join(packageRoot, folder)).sort();
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const path = posix.join(folder, name);
    if (statSync(join(packageRoot, path)).isDirectory()) return filesOf(path);
    return /\.(ts|mts|js|mjs)$/.test(name) ? [path] : [];
  });
}

function sourceOf(path: string): Source {
  const text = readFileSync(join(packageRoot, path), 'utf8');
  const bare = withoutComments(text);
  return { path, folder: path.split('/')[0]!, text, code: withoutTexts(bare), imports: importsOf(path, bare) };
}

const statement =
  /(?:^|[;}\n])\s*(?:import|export)\s+(type\s+)?((?:[\w*$]|[{},\s])*?)\s*from\s*(['"])([^'"\n]+)\3|(?:^|[;}\n])\s*import\s*(['"])([^'"\n]+)\5|\bimport\s*\(\s*(['"])([^'"\n]+)\7|new URL\(\s*(['"])(\.[^'"\n]+)\9\s*,\s*import\.meta\.url/g;

function importsOf(path: string, text: string): Import[] {
  return [...text.matchAll(statement)].map((match) => {
    const name = match[4] ?? match[6] ?? match[8] ?? match[10]!;
    const isOwn = name.startsWith('.');
    const isType = match[1] !== undefined || onlyTypes(match[2]);
    const isStarted = match[10] !== undefined;
    return { target: isOwn ? resolved(path, name) : packageOf(name), isOwn, isType, isStarted };
  });
}

/** `{ type A, type B }`. */
function onlyTypes(clause: string | undefined): boolean {
  const named = /^\{([^}]*)\}$/.exec(clause?.trim() ?? '')?.[1];
  const items = named?.split(',').filter((item) => item.trim() !== '') ?? [];
  return items.length > 0 && items.every((item) => /^\s*type\s/.test(item));
}

function resolved(from: string, name: string): string {
  return (
    posix
      .join(posix.dirname(from), name)
      // A bundle is a program of ours in one file.
      .replace(/^bundle\//, 'bin/')
      .replace(/\.js$/, '.ts')
      .replace(/\.mjs$/, '.mjs')
  );
}

function packageOf(name: string): string {
  if (name.startsWith('node:')) return name;
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Texts, templates and regular expressions as they are, comments gone. */
function withoutComments(text: string): string {
  return text.replace(lexemes, (lexeme) => (/^\/[/*]/.test(lexeme) ? ' ' : lexeme));
}

/** Texts emptied; what stands in a template's ${…} goes with it. */
function withoutTexts(text: string): string {
  return text.replace(lexemes, (lexeme) => (/^['"`]/.test(lexeme) ? "''" : lexeme));
}

/** Comments, texts, templates, and regular expressions where a value may begin. */
const lexemes =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(?<=[(,=:[!&|?{};\n]\s*|return\s+)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\/[a-z]*/g;
