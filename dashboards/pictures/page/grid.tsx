// Panels where Grafana's dashboards have them: 24 columns, rows of 30 pixels, and 8 between.
import { useTheme2 } from '@grafana/ui';
import type { Panel } from './dashboard';
import { type Context, Drawn, type Prepared } from './panel';

export const margin = 16;
const columns = 24, rowHeight = 30, gap = 8;

const columnOf = (width: number) => (width - 2 * margin + gap) / columns;

export const sizeOf = ({ gridPos }: Panel, width: number) => ({
  width: gridPos.w * columnOf(width) - gap,
  height: gridPos.h * (rowHeight + gap) - gap,
});

interface Props {
  panels: Panel[];
  /** All but the rows. */
  prepared: Map<Panel, Prepared>;
  /** Of the page. */
  width: number;
  context: Context;
}

export function Grid({ panels, prepared, width, context }: Props) {
  const theme = useTheme2();
  const heading = { margin: '10px 4px', fontWeight: theme.typography.fontWeightMedium };
  const rows = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const top = ({ gridPos }: Panel) => gridPos.y * (rowHeight + gap);
  const left = ({ gridPos }: Panel) => margin + gridPos.x * columnOf(width);
  return (
    <div style={{ position: 'relative', height: rows * (rowHeight + gap) + margin }}>
      {panels.map((panel) => {
        const found = prepared.get(panel);
        return (
          <div key={panel.id} style={{ position: 'absolute', left: left(panel), top: top(panel) }}>
            {found
              ? <Drawn prepared={found} {...sizeOf(panel, width)} context={context} />
              : <h6 style={heading}>{context.replace(panel.title ?? '')}</h6>}
          </div>
        );
      })}
    </div>
  );
}
