import { type DocumentNode, Kind, type OperationDefinitionNode, visit } from 'graphql';

/** The name of the variable that only sets the start of a subscription, if there is one. */
function variableOfAfter(document: DocumentNode, operation: OperationDefinitionNode): string | undefined {
  const [field] = operation.selectionSet.selections;
  if (field?.kind !== Kind.FIELD) return undefined;
  const value = field.arguments?.find(({ name }) => name.value === 'after')?.value;
  if (value?.kind !== Kind.VARIABLE) return undefined;
  const name = value.name.value;
  let uses = 0;
  visit(document, {
    VariableDefinition: () => false,
    Variable: (node) => {
      if (node.name.value === name) uses++;
    },
  });
  return uses === 1 ? name : undefined;
}

/**
 * A key that is equal for subscriptions of one document with equal answers: at the same revision they get the same
 * events.
 */
export function sharingKey(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
  series: readonly number[],
): string {
  const after = variableOfAfter(document, operation);
  const given = Object.entries(variables).filter(([name]) => name !== after);
  given.sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([operation.name?.value, given, series]);
}

/** Shared subscriptions by document and key. Clients that send the same text share one parsed document. */
export class SharedByKey<T> {
  readonly #byDocument = new WeakMap<DocumentNode, Map<string, T>>();

  get(document: DocumentNode, key: string, make: (forget: () => void) => T): T {
    const byKey = this.#byDocument.get(document) ?? new Map<string, T>();
    this.#byDocument.set(document, byKey);
    const known = byKey.get(key);
    if (known) return known;
    const made = make(() => byKey.delete(key));
    byKey.set(key, made);
    return made;
  }
}
