// scripts/complete-lock.mjs — run after «npm install» has changed a dependency.
//
// npm leaves optional packages that the registry at hand lacks out of package-lock.json, and «npm ci» then refuses
// that lock file. This writes the missing entries: packages of one platform each, whose name says which
// (@uwsjs/darwin-x64-22, @biomejs/cli-linux-arm64-musl). It also drops every `resolved`: a lock file that
// names a registry works with that registry alone.
import { readFileSync, writeFileSync } from 'node:fs';

const PLATFORM = /(android|darwin|freebsd|linux|openbsd|win32)-(arm64|arm|ia32|x64)(-musl)?(?:-(\d+))?$/;

for (const file of ['package-lock.json', 'bench/package-lock.json']) {
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  let added = 0;
  for (const [parentPath, parent] of Object.entries({ ...lock.packages })) {
    if (parent.resolved?.startsWith('http')) delete parent.resolved; // A workspace keeps its folder.
    if (parentPath === '') continue; // Our own optional packages are written by npm.
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      const part = PLATFORM.exec(name);
      if (!part || lock.packages[`node_modules/${name}`]) continue;
      const [, os, cpu, musl, nodeMajor] = part;
      lock.packages[`node_modules/${name}`] = {
        version,
        cpu: [cpu],
        ...(parent.dev ? { dev: true } : {}),
        ...(musl ? { libc: ['musl'] } : {}),
        ...(parent.license ? { license: parent.license } : {}),
        optional: true,
        os: [os],
        engines: nodeMajor ? { node: `>=${nodeMajor}.0.0 <${+nodeMajor + 1}.0.0` } : parent.engines,
      };
      added++;
    }
  }
  // In the order in which npm writes them, so that a later «npm install» changes nothing.
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  process.stdout.write(`${file}: ${added} lock entries added\n`);
}
