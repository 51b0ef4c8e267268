// Draws one dashboard as draw.mjs asks (window.draw), and tells at the end how it went.
import { createTheme, dateTime, locationUtil, ThemeContext, type TimeRange } from '@grafana/data';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import type { ReactNode } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { type Dashboard, type Panel, withOpenRows } from './dashboard';
import { Grid, sizeOf } from './grid';
import { Header } from './header';
import { type Context, hasData, prepare, type Prepared } from './panel';
import { eventsOf } from './prometheus';
import { choose, interpolator, shownIn } from './variables';

export interface Order {
  dashboard: Dashboard;
  dark: boolean;
  width: number;
  /** Milliseconds. */
  from: number;
  to: number;
  /** What to choose for variables. */
  variables: Record<string, string>;
  /** Said below the title. */
  note: string;
}

export interface Outcome {
  /** Titles of panels without data. */
  empty: string[];
}

declare global {
  interface Window {
    draw: (order: Order) => Promise<Outcome>;
  }
}

function rangeOf({ from, to }: Order): TimeRange {
  return { from: dateTime(from), to: dateTime(to), raw: { from: dateTime(from), to: dateTime(to) } };
}

locationUtil.initialize({
  config: { appSubUrl: '' } as never, getVariablesUrlParams: () => ({}),
  getTimeRangeForUrl: () => ({ from: 'now-1h', to: 'now' }),
});

async function draw(order: Order): Promise<Outcome> {
  const { dashboard } = order;
  const range = rangeOf(order);
  const theme = createTheme({ colors: { mode: order.dark ? 'dark' : 'light' } });
  const chosen = await choose(dashboard.templating.list, order.variables, range);
  const interpolate = interpolator(chosen);
  const marked = dashboard.annotations.list.filter(({ enable, expr }) => enable && expr);
  const events = (await Promise.all(marked.map((one) => eventsOf(one, range, interpolate)))).flat();
  const context: Context = { range, events, theme, interpolate, replace: shownIn(chosen) };

  const panels = withOpenRows(dashboard.panels);
  const prepared = new Map<Panel, Prepared>();
  for (const panel of panels)
    if (panel.type !== 'row') prepared.set(panel, await prepare(panel, sizeOf(panel, order.width).width, context));

  const root = document.createElement('main');
  document.body.append(root);
  const styled = (content: ReactNode) => (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <PortalContainer />
      {content}
    </ThemeContext.Provider>
  );
  const react = createRoot(root);
  flushSync(() => react.render(styled(null)));
  // Fonts come first: a canvas takes what is there and is not drawn again.
  await Promise.all([400, 500].map((weight) => document.fonts.load(`${weight} 12px Inter`)));
  flushSync(() => react.render(styled(
    <div style={{ background: theme.colors.background.canvas, minHeight: '100vh' }}>
      <Header dashboard={dashboard} chosen={chosen} range={range} note={order.note} />
      <Grid panels={panels} prepared={prepared} width={order.width} context={context} />
    </div>,
  )));
  const empty = [...prepared.values()].filter((one) => !hasData(one)).map(({ panel }) => panel.title ?? `panel ${panel.id}`);
  return { empty };
}

window.draw = draw;
