// Plain JavaScript on purpose: it must run, and say what to do, where the rest cannot.
const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  process.stderr.write(
    `hubforge needs Node 24 or later; this is ${process.version}. "npm ci" brings Node 24 along on Linux and Windows ` +
      "(x64, and arm64 on Linux): run it again, without --omit=optional. Elsewhere install Node 24 and put it first on PATH.\n",
  );
  process.exit(1);
}
