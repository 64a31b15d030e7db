/** `node scripts/later.mjs NAME`: a command whose name is kept for something that does not exist yet. */
process.stderr.write(`npm run ${process.argv[2] ?? "NAME"} is kept for later: there is nothing behind it yet\n`);
process.exitCode = 2;
