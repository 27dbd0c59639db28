/** Sizes beyond which a message is refused: generous for any real run, small against a hostile one. */
export const limits = {
  /** Run and worker names. */
  identifierChars: 100,
  /** Reasons, host names, versions. */
  textChars: 4_096,
  /** Model spec and manifest. */
  jsonChars: 64 * 1024 * 1024,
  /** Sample indices in a task. */
  samples: 1 << 20,
  /** Counts in a confusion matrix: 512 classes. */
  confusion: 512 * 512,
  /** Tree nodes in a heartbeat. */
  nodes: 65_536,
  /** Tensor or data block. */
  tensorBytes: 512 * 1024 * 1024,
  /** A whole message. */
  messageBytes: 640 * 1024 * 1024,
  /** What a message may have beside the fields that are bounded above: names, numbers, fields of a newer minor version. */
  restBytes: 64 * 1024,
} as const;
