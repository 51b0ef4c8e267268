// Draws pictures of dashboards: bundles the page, serves it beside a Prometheus on loopback, and photographs it in headless
// Chromium.
//
//   node draw.mjs FOLDER LIST SCENE DASHBOARDS PROMETHEUS FROM TO
//
// LIST is a file of JSON: { name, dashboard, scene, variables, note, empty } of each picture, of which those of SCENE are drawn.
// DASHBOARDS is the folder of dashboards; FROM and TO are seconds. Writes FOLDER/NAME-dark.png and FOLDER/NAME-light.png. Fails
// on an error in the page, and on a panel without data that `empty` does not name.
import { build } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { launch } from 'puppeteer-core';

const [folder, list, scene, dashboards, prometheus, from, to] = process.argv.slice(2);
const width = 1440, deviceScaleFactor = 1.5;
const here = import.meta.dirname ?? dirname(new URL(import.meta.url).pathname);
const fonts = '/usr/share/fonts/opentype/inter'; // Debian's package fonts-inter; npm's packages have no font
const icons = join(dirname(createRequire(import.meta.url).resolve('@grafana/ui/package.json')), 'dist/public/img/icons');

// Grafana's bundle imports this CommonJS module's default in a way that only webpack understands.
const scrollbars = {
  name: 'interop',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^react-custom-scrollbars-2$/ }, ({ path, pluginData, resolveDir }) =>
      pluginData === 'real' ? undefined : { path, namespace: 'interop', pluginData: resolveDir });
    onLoad({ filter: /.*/, namespace: 'interop' }, ({ path, pluginData }) => ({
      contents: `import * as real from '${path}';
        const found = real.default?.default ?? real.default;
        export { found as default, found as Scrollbars };`,
      resolveDir: pluginData,
    }));
  },
};

async function bundle() {
  const result = await build({
    entryPoints: [join(here, 'page/main.tsx')], bundle: true, write: false, outdir: '/', format: 'iife', jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' }, loader: { '.ttf': 'empty' }, logLevel: 'error',
  });
  return new Map(result.outputFiles.map(({ path, contents }) => [path, contents]));
}

const html = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><link rel="stylesheet" href="/main.css">
<body style="margin:0"><script src="/main.js"></script>`;

async function serve(files) {
  const answer = async (path, query) => {
    if (path === '/') return [html, 'text/html'];
    if (files.has(path)) return [files.get(path), path.endsWith('.css') ? 'text/css' : 'text/javascript'];
    const icon = /^\/public\/build\/img\/icons\/(.+\.svg)$/.exec(path);
    if (icon) return [await readFile(join(icons, normalize(icon[1]))), 'image/svg+xml'];
    const font = /^\/public\/fonts\/inter\/(Inter-\w+)\.woff2$/.exec(path);
    if (font) return [await readFile(join(fonts, `${font[1]}.otf`)), 'font/otf'];
    const api = /^\/prometheus(\/api\/.+)$/.exec(path);
    if (api) return [await (await fetch(`${prometheus}${api[1]}${query}`)).text(), 'application/json'];
    return undefined;
  };
  const server = createServer(async (request, response) => {
    const { pathname, search } = new URL(request.url, 'http://page');
    const found = await answer(pathname, search).catch((error) => [String(error), undefined]);
    if (found?.[1]) response.setHeader('content-type', found[1]);
    response.statusCode = found === undefined ? 404 : found[1] ? 200 : 500;
    response.end(found?.[0]);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return server;
}

async function photograph(browser, address, order, dark) {
  const page = await browser.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('response', (response) => response.ok() || errors.push(`${response.status()} ${response.url()}`));
  await page.setViewport({ width, height: 800, deviceScaleFactor });
  await page.goto(address);
  const wanted = {
    dashboard: JSON.parse(await readFile(join(dashboards, order.dashboard), 'utf8')), dark, width,
    from: from * 1000, to: to * 1000, variables: order.variables ?? {}, note: order.note ?? '',
  };
  const { empty } = await page.evaluate((wanted) => window.draw(wanted), wanted);
  // Layout, fonts and icons settle in frames and fetches of their own.
  await page.waitForNetworkIdle({ idleTime: 500 });
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewport({ width, height, deviceScaleFactor });
  await page.waitForNetworkIdle({ idleTime: 500 });
  await page.screenshot({ path: join(folder, `${order.name}-${dark ? 'dark' : 'light'}.png`) });
  await page.close();
  for (const title of empty) if (!order.empty?.includes(title)) errors.push(`panel without data: ${title}`);
  for (const error of new Set(errors)) console.error(`${order.name}, ${dark ? 'dark' : 'light'}: ${error}`);
  return errors.length === 0;
}

const orders = JSON.parse(await readFile(list, 'utf8')).filter((order) => order.scene === scene);
console.log('bundling the page');
const server = await serve(await bundle());
const browser = await launch({ executablePath: '/usr/bin/chromium-headless-shell', args: ['--no-sandbox', '--hide-scrollbars'] });
let done = 0;
let failed = 0;
try {
  for (const order of orders)
    for (const dark of [false, true]) {
      if (!(await photograph(browser, `http://127.0.0.1:${server.address().port}/`, order, dark))) ++failed;
      console.log(`[${++done}/${2 * orders.length}] ${order.name}, ${dark ? 'dark' : 'light'}`);
    }
} finally {
  await browser.close();
  server.close();
}
process.exitCode = failed === 0 ? 0 : 1;
