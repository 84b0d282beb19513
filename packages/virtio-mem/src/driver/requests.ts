/**
 * Requests to the device: bytes out, bytes back, and the error that each answer means to the driver. A config change that
 * came in meanwhile goes first.
 *
 * An answer that the protocol does not know is −ENOMEM, as send_plug_request() starts with it and keeps it.
 *
 * Models: drivers/virtio/virtio_mem.c virtio_mem_send_request(), virtio_mem_send_{plug,unplug,unplug_all,state}_request(), 6.12.
 */
import { ERRNO } from '@replug/core';
import {
  encodeRequest,
  REQUEST,
  REQUEST_BYTES,
  RESPONSE,
  RESPONSE_BYTES,
  responseState,
  responseType,
} from '../protocol.ts';
import { ETXTBSY, type DriverState } from './state.ts';

const MiB = 2 ** 20;
const request = new DataView(new ArrayBuffer(REQUEST_BYTES));
const response = new DataView(new ArrayBuffer(RESPONSE_BYTES));

/** The device does not answer at all. */
const NO_ANSWER = -1;

/** Sends one request; returns the type of the answer. */
function send(vm: DriverState, type: number, addr: number, bytes: number): number {
  const blocks = bytes / vm.deviceBlockSize;
  encodeRequest(request, type, addr, blocks);
  const answered = vm.device.handle(request, response);
  const answer = answered ? responseType(response) : NO_ANSWER;
  vm.recordRequest({ type, addr, blocks, response: answer });
  if (!answered) vm.hung = true;
  const { clock } = vm.deps;
  if (answer === RESPONSE.ACK && type === REQUEST.PLUG) clock.charge('virtioMemPlug2M', bytes / (2 * MiB));
  else if (answer === RESPONSE.ACK && type === REQUEST.UNPLUG) clock.charge('virtioMemUnplug2M', bytes / (2 * MiB));
  else clock.charge('virtioRoundTrip');
  return answer;
}

export function sendPlug(vm: DriverState, addr: number, bytes: number): number {
  if (vm.configChanged) return -ERRNO.EAGAIN;
  switch (send(vm, REQUEST.PLUG, addr, bytes)) {
    case RESPONSE.ACK:
      vm.pluggedSize += bytes;
      return 0;
    case RESPONSE.NACK:
      return -ERRNO.EAGAIN;
    case RESPONSE.BUSY:
      return -ETXTBSY;
    case RESPONSE.ERROR:
      return -ERRNO.EINVAL;
    default:
      return -ERRNO.ENOMEM;
  }
}

export function sendUnplug(vm: DriverState, addr: number, bytes: number): number {
  if (vm.configChanged) return -ERRNO.EAGAIN;
  switch (send(vm, REQUEST.UNPLUG, addr, bytes)) {
    case RESPONSE.ACK:
      vm.pluggedSize -= bytes;
      return 0;
    case RESPONSE.BUSY:
      return -ETXTBSY;
    case RESPONSE.ERROR:
      return -ERRNO.EINVAL;
    default:
      return -ERRNO.ENOMEM;
  }
}

export function sendUnplugAll(vm: DriverState): number {
  switch (send(vm, REQUEST.UNPLUG_ALL, 0, 0)) {
    case RESPONSE.ACK:
      vm.unplugAllRequired = false;
      vm.pluggedSize = 0;
      // The usable region may have shrunk.
      vm.configChanged = true;
      return 0;
    case RESPONSE.BUSY:
      return -ETXTBSY;
    default:
      return -ERRNO.ENOMEM;
  }
}

/** BLOCK_STATE of a range, or a negative errno. */
export function sendState(vm: DriverState, addr: number, bytes: number): number {
  switch (send(vm, REQUEST.STATE, addr, bytes)) {
    case RESPONSE.ACK:
      return responseState(response);
    case RESPONSE.ERROR:
      return -ERRNO.EINVAL;
    default:
      return -ERRNO.ENOMEM;
  }
}
