/** What a backend that computes on a device may fail with; whoever proves can go on after it. */

/** The device was lost: the driver restarted, the card was removed, or somebody destroyed it. What it computed is gone; another backend can do it anew. */
export class DeviceLostError extends Error {
  override readonly name = 'DeviceLostError';
}

/** The device had no room; the message says what needs less. */
export class DeviceMemoryError extends Error {
  override readonly name = 'DeviceMemoryError';
}
