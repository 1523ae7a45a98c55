// host/main.ts — where the command line starts and ends. Only a second Ctrl-C ends the process from elsewhere.

import { runProgram } from './cli/program.ts';

const exitCode = await runProgram(process.argv.slice(2));
// What is still open (standard input after Ctrl-C) must not keep us; what was written must be out first.
process.stdout.write('', () => process.exit(exitCode));
