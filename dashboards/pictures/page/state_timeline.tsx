// A stand-in for Grafana's state timeline, whose drawing code is in its core: a row for each series, its name on
// the left, and a bar for each run of equal values. On Grafana's own uPlot axes, with its colors, texts and legend.
import {
  type DataFrame, type Field, FieldType, formattedValueToString, getFieldDisplayName, outerJoinDataFrames,
} from '@grafana/data';
import { AxisPlacement, LegendDisplayMode, ScaleDirection, ScaleDistribution, ScaleOrientation } from '@grafana/schema';
import { UPLOT_AXIS_FONT_SIZE, UPlotChart, UPlotConfigBuilder, VizLayout, VizLegend } from '@grafana/ui';
import type uPlot from 'uplot';
import type { Drawing, Input } from './drawing';

interface Run {
  from: number;
  to: number;
  value: unknown;
}

/** Runs of equal values; a missing value ends one, and so does a gap of more than two steps. */
function runsOf(times: number[], field: Field, end: number): Run[] {
  const runs: Run[] = [];
  const step = field.config.interval ?? Infinity;
  times.forEach((time, index) => {
    const value = field.values[index];
    if (value === undefined || value === null) return;
    const last = runs.at(-1);
    const to = Math.min(time + (Number.isFinite(step) ? step : (times[index + 1] ?? end) - time), end);
    if (last && last.value === value && time - last.to <= step) last.to = to;
    else runs.push({ from: time, to, value });
  });
  return runs;
}

const kRowShare = 0.9;

function drawRuns(plot: uPlot, fields: Field[], times: number[], { panel, range, theme, fieldConfig }: Input) {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  const rowHeight = bbox.height / fields.length;
  const share = panel.options.rowHeight ?? kRowShare;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `${UPLOT_AXIS_FONT_SIZE * scale}px ${theme.typography.fontFamily}`;
  ctx.textBaseline = 'middle';
  fields.forEach((field, row) => {
    const top = bbox.top + row * rowHeight + (rowHeight * (1 - share)) / 2;
    for (const run of runsOf(times, field, range.to.valueOf())) {
      const shown = field.display!(run.value);
      const left = plot.valToPos(run.from, 'x', true);
      const width = plot.valToPos(run.to, 'x', true) - left;
      ctx.globalAlpha = (fieldConfig.defaults.custom?.fillOpacity ?? 70) / 100;
      ctx.fillStyle = shown.color ?? theme.colors.text.disabled;
      ctx.fillRect(left, top, width, rowHeight * share);
      ctx.globalAlpha = 1;
      const text = formattedValueToString(shown);
      if (panel.options.showValue === 'never' || ctx.measureText(text).width > width - 8 * scale) continue;
      ctx.fillStyle = theme.colors.getContrastText(shown.color ?? theme.colors.text.disabled);
      ctx.fillText(text, left + 4 * scale, top + (rowHeight * share) / 2);
    }
  });
  ctx.restore();
}

function chartOf(frame: DataFrame, input: Input) {
  const [time, ...fields] = frame.fields;
  const builder = new UPlotConfigBuilder('utc');
  const { range, theme } = input;
  builder.addScale({
    scaleKey: 'x', isTime: true, orientation: ScaleOrientation.Horizontal, direction: ScaleDirection.Right,
    range: () => [range.from.valueOf(), range.to.valueOf()],
  });
  builder.addAxis({ scaleKey: 'x', isTime: true, placement: AxisPlacement.Bottom, timeZone: 'utc', theme, grid: { show: true } });
  builder.addScale({
    scaleKey: 'y', orientation: ScaleOrientation.Vertical, direction: ScaleDirection.Down,
    distribution: ScaleDistribution.Ordinal, range: () => [-0.5, fields.length - 0.5],
  });
  const names = fields.map((field) => getFieldDisplayName(field, frame));
  builder.addAxis({
    scaleKey: 'y', placement: AxisPlacement.Left, theme, grid: { show: false }, ticks: { show: false }, gap: 8,
    splits: () => fields.map((_, index) => index), values: () => names,
  });
  builder.addSeries({ scaleKey: 'y', theme, show: false, pathBuilder: () => null });
  builder.addHook('draw', (plot) => drawRuns(plot, fields, time.values, input));
  return builder;
}

function legendOf(fields: Field[]) {
  const items = new Map<string, { label: string; color?: string; yAxis: number }>();
  for (const field of fields)
    for (const value of field.values) {
      if (value === undefined || value === null) continue;
      const shown = field.display!(value);
      const label = formattedValueToString(shown);
      items.set(label, { label, color: shown.color, yAxis: 1 });
    }
  return [...items.values()];
}

export const stateTimeline: Drawing = {
  defaults: { color: { mode: 'thresholds' }, custom: { fillOpacity: 70, lineWidth: 0 } },
  draw: (input) => {
    const frame = outerJoinDataFrames({ frames: input.frames });
    const fields = frame?.fields.filter(({ type }) => type !== FieldType.time) ?? [];
    if (!frame || fields.length === 0) return null;
    const { legend } = input.panel.options;
    const builder = chartOf(frame, input);
    const times = frame.fields[0].values;
    const shown = legend?.showLegend === false ? null : (
      <VizLayout.Legend placement="bottom">
        <VizLegend placement="bottom" displayMode={LegendDisplayMode.List} items={legendOf(fields)} readonly />
      </VizLayout.Legend>
    );
    return (
      <VizLayout width={input.width} height={input.height} legend={shown}>
        {(width: number, height: number) => (
          <UPlotChart config={builder} data={[times, times.map(() => null)]} width={width} height={height} />
        )}
      </VizLayout>
    );
  },
};
