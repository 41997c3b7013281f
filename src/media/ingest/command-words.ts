import { HoldfastError } from "../../domain/errors.ts";

/** In double quotes a backslash stands for itself before all others. [POSIX XCU 2.2.3] */
const ESCAPED_IN_QUOTES = new Set(["$", "`", '"', "\\"]);
/** What only a shell understands: people who write it expect one. */
const OPERATOR = /^(?:\|\|?|&&?|;|\d*[<>].*)$/;
const ASSIGNMENT = /^[A-Za-z_]\w*=/;

/**
 * A command line as words: blanks between them, quotes and backslashes as in a POSIX shell. Nothing is expanded, and
 * no shell is asked: `$`, `*`, `~`, `#`, and `&` within a word stand for themselves.
 *
 * @throws HoldfastError `INGEST_INVALID`: a quote is not closed, the line is empty, or it needs a shell. The text
 *         quotes nothing of the line but an operator
 * @see POSIX XCU 2.2 Quoting
 */
export function commandWords(line: string): readonly [string, ...string[]] {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && isBlank(line[at])) at++;
    if (at >= line.length) break;
    const { text, end } = readWord(line, at);
    const written = line.slice(at, end);
    if (OPERATOR.test(written)) throw needsShell(written);
    words.push(text);
    at = end;
  }
  const [program, ...rest] = words;
  if (program === undefined || program === "") throw invalid("it names no program");
  if (ASSIGNMENT.test(program)) throw invalid("variables are set by a program: env NAME=VALUE PROGRAM …");
  return [program, ...rest];
}

function readWord(line: string, start: number): { text: string; end: number } {
  let text = "";
  let at = start;
  while (at < line.length && !isBlank(line[at])) {
    const letter = line[at] as string;
    if (letter === "'") {
      const close = line.indexOf("'", at + 1);
      if (close < 0) throw unclosed("'");
      text += line.slice(at + 1, close);
      at = close + 1;
    } else if (letter === '"') {
      const quoted = readDoubleQuoted(line, at + 1);
      text += quoted.text;
      at = quoted.end;
    } else if (letter === "\\") {
      if (at + 1 >= line.length) throw invalid("it ends with a backslash");
      text += line[at + 1] as string;
      at += 2;
    } else {
      text += letter;
      at++;
    }
  }
  return { text, end: at };
}

function readDoubleQuoted(line: string, start: number): { text: string; end: number } {
  let text = "";
  for (let at = start; at < line.length; at++) {
    const letter = line[at] as string;
    if (letter === '"') return { text, end: at + 1 };
    if (letter === "\\" && ESCAPED_IN_QUOTES.has(line[at + 1] ?? "")) at++;
    text += line[at] as string;
  }
  throw unclosed('"');
}

function isBlank(letter: string | undefined): boolean {
  return letter === " " || letter === "\t" || letter === "\n";
}

function unclosed(quote: string): HoldfastError {
  return invalid(`a quote ${quote} is not closed`);
}

function needsShell(operator: string): HoldfastError {
  const shown = /^\d*[<>]+/.exec(operator)?.[0] ?? operator;
  return invalid(`${shown} needs a shell, which it is not given to: sh -c '…', or quote it`);
}

function invalid(reason: string): HoldfastError {
  return new HoldfastError("INGEST_INVALID", { detail: `the command line is not valid: ${reason}`, reason });
}
