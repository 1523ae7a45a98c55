// test/tidy/functions.ts — where functions begin and end, found by their brackets.
//
// A body is a `{` behind `=>`, or behind the parentheses of a signature and its return type. Conditions and loops look
// alike, so the word in front of the parentheses decides. Not here: functions whose body is an expression.

import { lineAt, type SourceFile } from './source.ts';

export interface FunctionSpan {
  firstLine: number;
  lineCount: number;
}

const NO_FUNCTION = /\b(?:if|for|await|while|switch|catch|with|extends\s+[\w.]+)\s*$/;
const NO_TYPE = /^(?:case|default|return|if|for|const|let|break|throw)$/;

export function functionsOf({ code }: SourceFile): FunctionSpan[] {
  const spans: FunctionSpan[] = [];
  const ends = matchBrackets(code);
  const add = (from: number, body: number) => {
    const end = ends.get(body);
    if (end === undefined) return;
    const firstLine = lineAt(code, from);
    spans.push({ firstLine, lineCount: lineAt(code, end) - firstLine + 1 });
  };
  for (const { index } of code.matchAll(/=>\s*\{/g)) add(index, code.indexOf('{', index));
  for (const [open, close] of ends) {
    if (code[open] !== '(' || NO_FUNCTION.test(code.slice(Math.max(0, open - 60), open))) continue;
    const body = bodyBehind(code, close + 1, ends);
    if (body !== undefined) add(open, body);
  }
  return spans;
}

/** The offset of the `{` that opens a body behind a parameter list ending before `start`, if there is one. */
function bodyBehind(code: string, start: number, ends: ReadonlyMap<number, number>): number | undefined {
  const token = /\s*(=>|[\w$]+|.)/y;
  let before = '';
  let angleDepth = 0; // Of the return type's `<…>`, in which a comma ends nothing.
  token.lastIndex = start;
  for (let match = token.exec(code); match !== null; match = token.exec(code)) {
    const sign = match[1]!;
    const offset = token.lastIndex - sign.length;
    if (before === '' && sign === '{') return offset;
    if (before === '' && sign !== ':') return undefined;
    if (sign === '{' && angleDepth === 0 && /[\w$)>\]}'"`]$/.test(before) && before !== '=>') return offset;
    if (NO_TYPE.test(sign) || /^[;)=+*/?%!^~-]$/.test(sign) || (sign === ',' && angleDepth === 0)) return undefined;
    if (sign === '<') angleDepth++;
    if (sign === '>') angleDepth--;
    before = sign;
    if ('([{'.includes(sign)) {
      const end = ends.get(offset) ?? code.length;
      before = code[end] ?? '';
      token.lastIndex = end + 1;
    }
  }
  return undefined;
}

/** Offset of each opening bracket to the offset of its partner. */
function matchBrackets(code: string): Map<number, number> {
  const ends = new Map<number, number>();
  const open: number[] = [];
  for (let at = 0; at < code.length; at++) {
    if ('([{'.includes(code[at]!)) open.push(at);
    else if (')]}'.includes(code[at]!)) {
      const start = open.pop();
      if (start !== undefined) ends.set(start, at);
    }
  }
  return ends;
}
