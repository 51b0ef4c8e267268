// Writes ../*.json, which Grafana provisions, and ../import/*.json, which is imported by hand.
//
//   tsx generate.ts [FOLDER]     into FOLDER instead of the folder above

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { forImport } from './import.js';
import exporter from './exporter.js';
import fleet from './fleet.js';
import gateway from './gateway.js';
import path from './path.js';
import peer from './peer.js';

const folder = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url));

const write = (file: string, content: unknown) => writeFileSync(file, JSON.stringify(content, null, 2) + '\n');

mkdirSync(join(folder, 'import'), { recursive: true });
for (const dashboard of [fleet, gateway, peer, path, exporter] satisfies Dashboard[]) {
  write(join(folder, `${dashboard.uid}.json`), dashboard);
  write(join(folder, 'import', `${dashboard.uid}.json`), forImport(dashboard));
}
