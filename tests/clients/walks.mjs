// Clients of resumable uploads as others publish them. Bundled for Node and for browsers: tests/finqenv/walks.py.
import Uppy from '@uppy/core'
import UppyTus from '@uppy/tus'
import * as tus4 from 'tus-js-client'
import * as tus5 from 'tus-js-client-5'

const RETRIES = Array(20).fill(0)

// Node's clients take no Blob.
const fileOf = (bytes, type) => globalThis.Buffer ? Buffer.from(bytes) : new Blob([bytes], { type })

// The pre-release 5 gives up in a browser where a line is cut; who asks again goes on at the address that it knows.
const byTus = (tus, more) => (options, file, type, url, times = RETRIES.length) => new Promise((resolve, reject) => {
  const upload = new tus.Upload(file, {
    ...options, ...more, uploadUrl: url, retryDelays: RETRIES, storeFingerprintForResuming: false, metadata: { filetype: type },
    onError: error => /not an error/.test(error) && times > 0
      ? byTus(tus, more)(options, file, type, upload.url, times - 1).then(resolve, reject) : reject(error),
    onSuccess: () => resolve(upload.url)
  })
  upload.start()
})

async function byUppy(options, file, type) {
  const uppy = new Uppy().use(UppyTus, { ...options, retryDelays: RETRIES, storeFingerprintForResuming: false })
  uppy.addFile({ name: 'document', type, data: file })
  const { successful, failed } = await uppy.upload()
  if (failed.length)
    throw failed[0].error
  return successful[0].uploadURL
}

// Begun and taken back by its user.
const abandoned = (options, file, type) => new Promise((resolve, reject) => {
  const upload = new tus4.Upload(file, {
    ...options, metadata: { filetype: type }, storeFingerprintForResuming: false, onError: reject,
    onChunkComplete: () => upload.abort(true).then(() => resolve(upload.url), reject)
  })
  upload.start()
})

const CLIENTS = {
  tus4: byTus(tus4), tus5: byTus(tus5), draft: byTus(tus5, { protocol: 'ietf-draft-05' }), uppy: byUppy,
  atOnce: byTus(tus4, { uploadDataDuringCreation: true }), abandoned
}

// What came of it: the address, or what the client said.
globalThis.walk = async ({ client, endpoint, headers, size, type, content }) => {
  const bytes = Uint8Array.from(atob(content), one => one.charCodeAt(0))
  try {
    return { url: await CLIENTS[client]({ endpoint, headers, chunkSize: size }, fileOf(bytes, type), type) }
  } catch (error) {
    return { error: String(error) }
  }
}
