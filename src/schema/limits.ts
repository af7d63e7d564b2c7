import {
  type DocumentNode,
  type FloatValueNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type IntValueNode,
  Kind,
  Lexer,
  OperationTypeNode,
  type SelectionSetNode,
  type Source,
  TokenKind,
  type ValidationRule,
} from 'graphql';

/** A document with more tokens, deeper nesting, more definitions or more fields is refused before it costs anything. */
const tokensMax = 100_000;
const nestingMax = 60;
const definitionsMax = 200;
const fieldsMax = 1_000;

export function refusal(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
}

/** Counts tokens and nesting before the parser reads them: the parser would follow any depth. */
export function checkShape(source: Source): void {
  const lexer = new Lexer(source);
  let tokens = 0;
  let depth = 0;
  for (let token = lexer.advance(); token.kind !== TokenKind.EOF; token = lexer.advance()) {
    if (++tokens > tokensMax) throw refusal(`The document has more than ${tokensMax} tokens; pass data as variables.`);
    if (token.kind === TokenKind.BRACE_L || token.kind === TokenKind.BRACKET_L || token.kind === TokenKind.PAREN_L)
      depth++;
    if (token.kind === TokenKind.BRACE_R || token.kind === TokenKind.BRACKET_R || token.kind === TokenKind.PAREN_R)
      depth--;
    if (depth > nestingMax) throw refusal(`The document is nested deeper than ${nestingMax} levels.`);
  }
}

/** graphql-js reads 1e999, and an integer of 400 digits, as an infinite Float. */
export const finiteNumbers: ValidationRule = (context) => {
  const check = (node: FloatValueNode | IntValueNode) => {
    if (!Number.isFinite(Number(node.value)))
      context.reportError(
        new GraphQLError('A value must be finite; NaN and infinite ones cannot be held.', { nodes: node }),
      );
  };
  return { FloatValue: check, IntValue: check };
};

/** A subscription must not lose its only field. The specification has this rule since September 2025. */
export const unconditionalSubscriptions: ValidationRule = (context) => ({
  OperationDefinition: ({ operation, selectionSet }) => {
    if (operation !== OperationTypeNode.SUBSCRIPTION) return;
    const seen = new Set<string>();
    const check = ({ selections }: SelectionSetNode): void => {
      for (const selection of selections) {
        for (const directive of selection.directives ?? [])
          if (directive.name.value === 'skip' || directive.name.value === 'include')
            context.reportError(
              new GraphQLError(`The field of a subscription cannot depend on @${directive.name.value}.`, {
                nodes: directive,
              }),
            );
        if (selection.kind === Kind.INLINE_FRAGMENT) check(selection.selectionSet);
        if (selection.kind !== Kind.FRAGMENT_SPREAD || seen.has(selection.name.value)) continue;
        seen.add(selection.name.value);
        const fragment = context.getFragment(selection.name.value);
        if (fragment) check(fragment.selectionSet);
      }
    };
    check(selectionSet);
  },
});

/** Counts the fields of each operation; a fragment counts at each place where it is spread. */
export function checkFields(document: DocumentNode): void {
  // The count below follows fragments from one to the next.
  if (document.definitions.length > definitionsMax)
    throw refusal(`The document has more than ${definitionsMax} definitions (operations and fragments).`);
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const known = new Map<string, number>();
  const count = (set: SelectionSetNode | undefined, within: readonly string[]): number => {
    let fields = 0;
    for (const selection of set?.selections ?? []) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const name = selection.name.value;
        if (within.includes(name)) continue;
        const counted = known.get(name) ?? count(fragments.get(name)?.selectionSet, [...within, name]);
        known.set(name, counted);
        fields += counted;
      } else {
        fields += (selection.kind === Kind.FIELD ? 1 : 0) + count(selection.selectionSet, within);
      }
    }
    return fields;
  };
  for (const definition of document.definitions) {
    if (!('selectionSet' in definition) || !definition.selectionSet) continue;
    const fields = count(definition.selectionSet, []);
    if (fields > fieldsMax) {
      throw new GraphQLError(`The document asks for ${fields} fields; at most ${fieldsMax} at once.`, {
        extensions: { code: 'TOO_EXPENSIVE' },
      });
    }
  }
}
