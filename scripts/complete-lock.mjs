// Run after «npm install» has changed the dependency on uWebSockets.js, or bench/'s on DuckDB.
// npm leaves optional packages that the registry at hand lacks out of package-lock.json, and «npm ci»
// then refuses that lock file (npm/cli issue 9846). This writes the entries that are missing.
import { readFileSync, writeFileSync } from 'node:fs';

/** name → [operating system, processor, fields that the package has besides]; null: not a package for one platform. */
function platformOf(name) {
  const uws = /^@uwsjs\/(\w+)-(\w+)-(\d+)$/.exec(name);
  if (uws) return [uws[1], uws[2], { license: 'Apache-2.0', engines: { node: `>=${uws[3]}.0.0 <${+uws[3] + 1}.0.0` } }];
  const duckdb = /^@duckdb\/node-bindings-(\w+)-(x64|arm64)(-musl)?$/.exec(name);
  if (duckdb) return [duckdb[1], duckdb[2], { license: 'MIT', ...(duckdb[3] ? { libc: ['musl'] } : {}) }];
  return null;
}

for (const file of ['package-lock.json', 'bench/package-lock.json']) {
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  let added = 0;
  for (const meta of Object.values({ ...lock.packages }))
    for (const [name, version] of Object.entries(meta.optionalDependencies ?? {})) {
      const platform = platformOf(name);
      if (!platform || lock.packages[`node_modules/${name}`]) continue;
      const [os, cpu, fields] = platform;
      lock.packages[`node_modules/${name}`] = { version, cpu: [cpu], optional: true, os: [os], ...fields };
      added++;
    }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`${file}: ${added} entries added`);
}
