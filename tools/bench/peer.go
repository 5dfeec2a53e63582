package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/tools/process"
	"github.com/usherhq/usher/vendors/sandbox"
)

// peerConfig configures Bento for the load "activity": fetch an event, drop events with an id in
// the bucket, call the vendor, publish the result, ack. A failed event is redelivered. startPeer
// replaces the words in capitals.
const peerConfig = `http:
  enabled: false
logger:
  level: WARN
input:
  nats_jetstream:
    urls: [NATS]
    stream: STREAM
    durable: DURABLE
    bind: true
    max_ack_pending: 20000
pipeline:
  threads: THREADS
  processors:
    - dedupe:
        cache: taken
        key: usermost.${! json("id") }
    - branch:
        request_map: |
          root.userId = this.data.user_id
          root.eventName = this.data.name
          root.eventTime = this.data.occurred_at.replace_all("Z", "+0000")
          root.eventData = this.data.properties
          meta request = this.id.encode("hex")
        processors:
          - http:
              url: http://VENDORS/usermost/v1/accounts/LICENSE/events
              verb: POST
              timeout: 10s
              headers:
                Content-Type: application/json
                Authorization: Bearer KEY
                X-Request-Id: ${! metadata("request") }
        result_map: root.answer = this.response.status
    - mapping: |
        root.specversion = "1.0"
        root.id = this.id + ".usermost"
        root.source = "/peer"
        root.type = "activity.recorded"
        root.subject = this.data.user_id
        root.time = now()
        root.datacontenttype = "application/json"
        root.causationid = this.id
        root.data.vendor = "usermost"
        root.data.outcome = if this.answer == "success" { "done" } else { throw("rejected by the vendor") }
output:
  reject_errored:
    nats_jetstream:
      urls: [NATS]
      subject: activity.recorded.usermost
      max_in_flight: THREADS
      headers:
        Content-Type: application/cloudevents+json
        Nats-Msg-Id: ${! json("id") }
cache_resources:
  - label: taken
    nats_kv:
      urls: [NATS]
      bucket: BUCKET
`

// startPeer starts a process of the peer.
func (s *env) startPeer(_ context.Context, name string) (*worker, error) {
	text := strings.NewReplacer(
		"STREAM", bus.EventsStream, "DURABLE", durable("usermost"), "THREADS", fmt.Sprint(s.plan.Concurrency),
		"VENDORS", s.vendorAddr, "LICENSE", sandbox.UsermostLicenseCode, "KEY", sandbox.UsermostAPIKey, "BUCKET", bus.EffectsKV, "[NATS]", "["+s.url+"]",
	).Replace(peerConfig)
	file := filepath.Join(s.dir, "peer.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	p, err := process.Start(s.log(name), nil, s.config.Peer, "-c", file)
	if err != nil {
		return nil, err
	}
	return &worker{Process: p}, nil
}
