// Grafana's own TimeSeries. What its panel adds in core is small: marks of annotations, for which there is a stand-in here.
import {
  GraphDrawStyle, LegendDisplayMode, LineInterpolation, ScaleDistribution, StackingMode, VisibilityMode,
  type VizLegendOptions,
} from '@grafana/schema';
import { TimeSeries, type UPlotConfigBuilder } from '@grafana/ui';
import type { Drawing, Input } from './drawing';

/** A dashed line where an event begins, and a bar below the graph for as long as it lasts. */
function markEvents(builder: UPlotConfigBuilder, { events, theme }: Input) {
  builder.addHook('draw', (plot) => {
    const { ctx, bbox } = plot;
    const scale = devicePixelRatio;
    const place = (time: number) => Math.min(Math.max(plot.valToPos(time, 'x', true), bbox.left), bbox.left + bbox.width);
    ctx.save();
    for (const { from, to, color } of events) {
      const [left, right] = [place(from), place(to)];
      ctx.strokeStyle = ctx.fillStyle = theme.visualization.getColorByName(color);
      ctx.lineWidth = scale;
      ctx.setLineDash([5 * scale, 5 * scale]);
      ctx.beginPath();
      ctx.moveTo(left, bbox.top);
      ctx.lineTo(left, bbox.top + bbox.height);
      ctx.stroke();
      ctx.fillRect(left, bbox.top + bbox.height, Math.max(right - left, 2 * scale), 4 * scale);
    }
    ctx.restore();
  });
}

const legend: VizLegendOptions = { displayMode: LegendDisplayMode.List, placement: 'bottom', calcs: [], showLegend: true };

export const timeseries: Drawing = {
  defaults: {
    color: { mode: 'palette-classic' },
    custom: {
      drawStyle: GraphDrawStyle.Line, lineInterpolation: LineInterpolation.Linear, lineWidth: 1, fillOpacity: 0,
      showPoints: VisibilityMode.Auto, pointSize: 5, spanNulls: false, insertNulls: false, axisPlacement: 'auto',
      scaleDistribution: { type: ScaleDistribution.Linear }, stacking: { mode: StackingMode.None, group: 'A' },
      thresholdsStyle: { mode: 'off' }, hideFrom: { legend: false, tooltip: false, viz: false },
    },
  },
  draw: (input) => (
    <TimeSeries
      frames={input.frames} width={input.width} height={input.height} timeRange={input.range} timeZone="utc"
      legend={{ ...legend, ...input.panel.options.legend }}
    >
      {(builder) => {
        markEvents(builder, input);
        return null;
      }}
    </TimeSeries>
  ),
};
