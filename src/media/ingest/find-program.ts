import { access, constants, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";

/**
 * Where a program is that can be run: a path as it is, a name as the first of the directories of `searchPath` has it.
 * `undefined` when it is not there, or may not be run.
 */
export async function findProgram(name: string, searchPath: string): Promise<string | undefined> {
  if (name.includes("/")) return (await isProgram(name)) ? name : undefined;
  for (const directory of searchPath.split(delimiter)) {
    const file = join(directory === "" ? "." : directory, name);
    if (await isProgram(file)) return file;
  }
  return undefined;
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
