// Run after «npm install» has changed the dependency on uWebSockets.js.
// npm leaves optional packages that the registry at hand lacks out of package-lock.json, and «npm ci»
// then refuses that lock file (npm/cli issue 9846). This writes the entries that are missing.
import { readFileSync, writeFileSync } from 'node:fs';

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
let added = 0;
for (const meta of Object.values({ ...lock.packages }))
  for (const [name, version] of Object.entries(meta.optionalDependencies ?? {})) {
    const part = /^@uwsjs\/(\w+)-(\w+)-(\d+)$/.exec(name);
    if (!part || lock.packages[`node_modules/${name}`]) continue;
    lock.packages[`node_modules/${name}`] = {
      version,
      cpu: [part[2]],
      license: 'Apache-2.0',
      optional: true,
      os: [part[1]],
      engines: { node: `>=${part[3]}.0.0 <${+part[3] + 1}.0.0` },
    };
    added++;
  }
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} lock entries added`);
