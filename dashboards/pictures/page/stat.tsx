// Grafana's own BigValue, laid out as its stat panel does.
import { getDisplayValueAlignmentFactors, getFieldDisplayValues, type FieldDisplay, VizOrientation } from '@grafana/data';
import { BigValue, BigValueColorMode, BigValueGraphMode, BigValueJustifyMode, BigValueTextMode, VizRepeater } from '@grafana/ui';
import type { Drawing } from './drawing';

export const stat: Drawing = {
  defaults: { color: { mode: 'thresholds' } },
  draw: ({ panel: { options }, frames, fieldConfig, theme, replace, width, height }) => (
    <VizRepeater
      getValues={() => getFieldDisplayValues({
        fieldConfig, reduceOptions: options.reduceOptions ?? { calcs: ['lastNotNull'] }, replaceVariables: replace, theme,
        data: frames, sparkline: options.graphMode !== BigValueGraphMode.None, timeZone: 'utc',
      })}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, alignmentFactors, width, height, count }) => {
        const { display, sparkline } = value as FieldDisplay;
        return (
          <BigValue
            value={display} count={count} sparkline={sparkline} theme={theme} width={width} height={height}
            alignmentFactors={alignmentFactors} colorMode={options.colorMode ?? BigValueColorMode.Value}
            graphMode={options.graphMode ?? BigValueGraphMode.Area} justifyMode={options.justifyMode ?? BigValueJustifyMode.Auto}
            textMode={options.textMode ?? BigValueTextMode.Auto} text={options.text}
            disableWideLayout={options.wideLayout === false}
          />
        );
      }}
      width={width} height={height} source={frames} itemSpacing={3} renderCounter={0} autoGrid
      orientation={options.orientation ?? VizOrientation.Auto}
    />
  ),
};
