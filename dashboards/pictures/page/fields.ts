// Which options of a field exist. Grafana's core registers them with their editors; nothing is edited here, so every option
// that a dashboard names is taken as it is.
import { type FieldConfigPropertyItem, FieldConfigOptionsRegistry, type FieldConfigSource } from '@grafana/data';

const item = (id: string): FieldConfigPropertyItem => {
  const isCustom = id.startsWith('custom.');
  const none = () => null;
  return {
    id, name: id, path: isCustom ? id.slice('custom.'.length) : id, isCustom, settings: {},
    editor: none, override: none, process: (value) => value, shouldApply: () => true,
  };
};

export function registryFor({ defaults, overrides }: FieldConfigSource): FieldConfigOptionsRegistry {
  const { custom = {}, ...standard } = defaults;
  const ids = new Set([
    ...Object.keys(standard),
    ...Object.keys(custom).map((name) => `custom.${name}`),
    ...overrides.flatMap(({ properties }) => properties.map(({ id }) => id)),
  ]);
  return new FieldConfigOptionsRegistry(() => [...ids].map(item));
}

/** `config` with what the type of panel has where it says nothing. */
export function withDefaults(config: FieldConfigSource, defaults: FieldConfigSource['defaults']): FieldConfigSource {
  return {
    defaults: { ...defaults, ...config.defaults, custom: { ...defaults.custom, ...config.defaults.custom } },
    overrides: config.overrides ?? [],
  };
}
