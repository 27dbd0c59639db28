import type { BrokerAddress } from './address.js';
import type { TlsOptions } from './options.js';

/** A failure of TLS → a sentence or two that say what was expected, what came and what to do; null if it is none. */
export function explainTlsError(
  error: unknown,
  { place, host }: BrokerAddress,
  tls: TlsOptions,
): string | null {
  const code = property(error, 'code');
  const asked = tls.serverName ?? host;
  switch (code) {
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'EPROTO':
      return `${place} does not speak TLS. Use its TLS port (5671 by default), or amqp:// in place of amqps://.`;
    case 'CERT_HAS_EXPIRED':
      return `The certificate of ${place} has expired, or the clock of this machine is wrong. Renew it on the broker.`;
    case 'CERT_NOT_YET_VALID':
      return `The certificate of ${place} is not valid yet: is the clock of this machine right?`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID': {
      const named = namesOf(error);
      return `The certificate of ${place} is for ${named}, and ${asked} was expected. Use a name of the certificate in the URL, or name it with --tls-server-name; or issue the broker one for ${asked}.`;
    }
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'CERT_SIGNATURE_FAILURE':
      return tls.ca === undefined
        ? `The certificate of ${place} comes from an authority that this machine does not know (${code}). If it is your own, name the file of its certificate with --tls-ca.`
        : `The certificate of ${place} does not come from the authority in --tls-ca (${code}). Name the file of the authority that signed the broker's certificate.`;
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL':
    case 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION':
      return `${place} offers only versions of TLS that are no longer safe; TLS 1.2 or 1.3 was expected. Allow them on the broker (ssl_options.versions).`;
    default:
  }
  // What the broker has against our side reaches us as an alert.
  if (/ALERT_CERTIFICATE_REQUIRED|ALERT_HANDSHAKE_FAILURE/.test(code) && tls.cert === undefined) {
    return `${place} lets in only clients with a certificate. Name yours with --tls-cert and --tls-key.`;
  }
  if (/ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE|UNSUPPORTED_CERTIFICATE|HANDSHAKE_FAILURE)/.test(code)) {
    return `${place} does not accept the certificate of --tls-cert (${code}). Expected one that is still valid, from an authority that the broker trusts (ssl_options.cacertfile).`;
  }
  if (/^(ERR_SSL|ERR_TLS|CERT_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_)/.test(code)) {
    return `TLS with ${place} failed (${code}). Check the broker's certificate, and the files given with --tls-ca, --tls-cert and --tls-key.`;
  }
  return null;
}

/** Subject alternative names, as Node prints them. */
function namesOf(error: unknown): string {
  const certificate: unknown = error instanceof Error ? Reflect.get(error, 'cert') : undefined;
  const names = certificate instanceof Object ? Reflect.get(certificate, 'subjectaltname') : undefined;
  return typeof names === 'string' ? names : 'no name at all (it has no subjectAltName)';
}

function property(error: unknown, name: string): string {
  const value: unknown = error instanceof Error ? Reflect.get(error, name) : undefined;
  return typeof value === 'string' ? value : '';
}
