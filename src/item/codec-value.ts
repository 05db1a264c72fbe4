import { type ByteReader, type ByteWriter, MalformedError } from '../bytes/index.ts';
import { MAX_VALUE_LEVELS } from './compare.ts';
import type { AttributeMap, AttributeType, AttributeValue } from './value.ts';

/**
 * Attribute values as bytes, inside commands: a tag, then the content. Texts, binaries and counts begin with a varint.
 * Tags are part of the log's format: never renumber one.
 */
export const TYPE_TAGS = {
  S: 1,
  N: 2,
  B: 3,
  BOOL: 4,
  NULL: 5,
  SS: 6,
  NS: 7,
  BS: 8,
  L: 9,
  M: 10,
} as const satisfies Record<AttributeType, number>;

const TYPES: ReadonlyMap<number, AttributeType> = new Map(
  (Object.keys(TYPE_TAGS) as AttributeType[]).map((type) => [TYPE_TAGS[type], type]),
);

export function writeValue(writer: ByteWriter, value: AttributeValue): void {
  writer.u8(TYPE_TAGS[value.type]);
  switch (value.type) {
    case 'S':
    case 'N':
      writer.text(value.value);
      break;
    case 'B':
      writer.bytes(value.value);
      break;
    case 'BOOL':
      writer.boolean(value.value);
      break;
    case 'NULL':
      break;
    case 'SS':
    case 'NS':
      writer.varint(value.value.length);
      for (const member of value.value) writer.text(member);
      break;
    case 'BS':
      writer.varint(value.value.length);
      for (const member of value.value) writer.bytes(member);
      break;
    case 'L':
      writer.varint(value.value.length);
      for (const element of value.value) writeValue(writer, element);
      break;
    case 'M':
      writeAttributeMap(writer, value.value);
      break;
  }
}

export function writeAttributeMap(writer: ByteWriter, map: AttributeMap): void {
  writer.varint(map.size);
  for (const [name, value] of map) {
    writer.text(name);
    writeValue(writer, value);
  }
}

/** Throws {@link MalformedError}. Binaries are views. */
export function readValue(reader: ByteReader, level = 1): AttributeValue {
  if (level > MAX_VALUE_LEVELS) throw new MalformedError(`a value nested ${level} levels`);
  const type = readType(reader);
  switch (type) {
    case 'S':
    case 'N':
      return { type, value: reader.text() };
    case 'B':
      return { type, value: reader.bytes() };
    case 'BOOL':
      return { type, value: reader.boolean() };
    case 'NULL':
      return { type };
    case 'SS':
    case 'NS':
      return { type, value: readList(reader, () => reader.text()) };
    case 'BS':
      return { type, value: readList(reader, () => reader.bytes()) };
    case 'L':
      return { type, value: readList(reader, () => readValue(reader, level + 1)) };
    case 'M':
      return { type, value: readAttributeMap(reader, level + 1) };
  }
}

/** Throws {@link MalformedError}. */
export function readAttributeMap(reader: ByteReader, level = 1): AttributeMap {
  const map = new Map<string, AttributeValue>();
  for (let left = reader.varint(); left > 0; left--) {
    const name = reader.text();
    map.set(name, readValue(reader, level));
  }
  return map;
}

export function readType(reader: ByteReader): AttributeType {
  const tag = reader.u8();
  const type = TYPES.get(tag);
  if (!type) throw new MalformedError(`attribute type ${tag}`);
  return type;
}

/** A varint count and that many elements. The count is not believed: elements take bytes, and reading ends with them. */
export function readList<T>(reader: ByteReader, element: () => T): T[] {
  const list: T[] = [];
  for (let left = reader.varint(); left > 0; left--) list.push(element());
  return list;
}
