// A stand-in for what Grafana's core shows above a dashboard: its title, variables, links and time range.
import { dateTimeFormat, type TimeRange } from '@grafana/data';
import { Icon, useTheme2 } from '@grafana/ui';
import type { Dashboard } from './dashboard';
import { margin } from './grid';
import type { Chosen } from './variables';

interface Props {
  dashboard: Dashboard;
  chosen: Chosen[];
  range: TimeRange;
  note: string;
}

export function Header({ dashboard, chosen, range, note }: Props) {
  const theme = useTheme2();
  const box = {
    display: 'inline-flex', alignItems: 'center', gap: 6, height: 32, padding: '0 8px', borderRadius: theme.shape.radius.default,
    border: `1px solid ${theme.components.input.borderColor}`, background: theme.components.input.background,
  };
  const label = { ...box, background: theme.colors.background.secondary, borderRight: 'none', fontWeight: 500, fontSize: 12 };
  const time = (at: TimeRange['from'], format: string) => dateTimeFormat(at, { format, timeZone: 'utc' });
  return (
    <header style={{ padding: `${margin}px ${margin}px 12px`, display: 'grid', gap: 12 }}>
      <div style={{ display: 'flex', alignItems: 'baseline', gap: 12 }}>
        <h3 style={{ margin: 0 }}>{dashboard.title}</h3>
        <span style={{ color: theme.colors.text.secondary, flex: 1 }}>{note}</span>
        <span style={box}>
          <Icon name="clock-nine" />
          {time(range.from, 'YYYY-MM-DD HH:mm')} to {time(range.to, 'HH:mm')} UTC
        </span>
      </div>
      <div style={{ display: 'flex', flexWrap: 'wrap', gap: 8 }}>
        {chosen.filter(({ hidden }) => !hidden).map((one) => (
          <span key={one.name} style={{ display: 'inline-flex' }}>
            <span style={label}>{one.label}</span>
            <span style={box}>{one.shown}<Icon name="angle-down" /></span>
          </span>
        ))}
        <span style={{ flex: 1 }} />
        {dashboard.links?.map(({ title }) => <span key={title} style={{ ...box, background: theme.colors.background.secondary }}>
          <Icon name="external-link-alt" />{title}
        </span>)}
      </div>
    </header>
  );
}
