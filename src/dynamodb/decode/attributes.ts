import {
  type AttributeValue,
  encodeBase64,
  type Item,
  type Parsed,
  parseAttributeMap,
  parseAttributeValue,
} from '../../item/index.ts';
import { serializationError, validationError } from '../errors.ts';
import type { Sketch } from '../validate/violations.ts';
import type { Shape } from './shape.ts';

/** One attribute value, `{"S": …}`. What is wrong with it, apart from JSON types, is kept for {@link accept}. */
export function attributeValue(): Shape<Parsed<AttributeValue>> {
  return {
    decode: (json) => refuseWrongJson(parseAttributeValue(json)),
    check() {},
    print(parsed, sketch) {
      if (parsed.ok) printValue(parsed.value, sketch);
    },
  };
}

/** Names and attribute values: an item or a key. */
export function attributeMap(): Shape<Parsed<Item>> {
  return {
    decode: (json) => refuseWrongJson(parseAttributeMap(json)),
    check() {},
    print(parsed, sketch) {
      if (parsed.ok) printItem(parsed.value, sketch);
    },
  };
}

function refuseWrongJson<T>(parsed: Parsed<T>): Parsed<T> {
  if (!parsed.ok && parsed.problem.kind === 'serialization') {
    throw serializationError(parsed.problem.message);
  }
  return parsed;
}

/** The value, or the ValidationException that parsing it gave, whose turn comes after the constraints. */
export function accept<T>(parsed: Parsed<T>, prefix = ''): T {
  if (!parsed.ok) throw validationError(prefix + parsed.problem.message);
  return parsed.value;
}

function printItem(item: Item, sketch: Sketch): void {
  sketch.addAll('{', item, '}', ([name, value]) => {
    sketch.add(name).add('=');
    printValue(value, sketch);
  });
}

const JAVA_FIELDS = {
  S: 's',
  N: 'n',
  B: 'b',
  SS: 'sS',
  NS: 'nS',
  BS: 'bS',
  M: 'm',
  L: 'l',
  NULL: 'nULL',
  BOOL: 'bOOL',
} as const;

function printValue(value: AttributeValue, sketch: Sketch): void {
  sketch.addAll('AttributeValue(', Object.entries(JAVA_FIELDS), ')', ([type, field]) => {
    sketch.add(`${field}=`);
    if (type === value.type) printContent(value, sketch);
    else sketch.add('null');
  });
}

function printContent(value: AttributeValue, sketch: Sketch): void {
  switch (value.type) {
    case 'NULL':
      sketch.add('true');
      break;
    case 'B':
      sketch.add(encodeBase64(value.value));
      break;
    case 'SS':
    case 'NS':
      sketch.addAll('[', value.value, ']', (member) => sketch.add(member));
      break;
    case 'BS':
      sketch.addAll('[', value.value, ']', (member) => sketch.add(encodeBase64(member)));
      break;
    case 'L':
      sketch.addAll('[', value.value, ']', (member) => printValue(member, sketch));
      break;
    case 'M':
      printItem(value.value, sketch);
      break;
    default:
      sketch.add(String(value.value));
  }
}
