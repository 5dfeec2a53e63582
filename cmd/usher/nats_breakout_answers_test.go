package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

// aim is a request that a message would make, if the server took the message for a request.
type aim struct{ subject, body string }

// aims are requests that change or remove a stream, or add to the audit log.
func aims() (list []aim) {
	for _, api := range []string{"$JS.API", auditAPI} {
		for _, stream := range []string{streams.HistoryStream, streams.EventsStream, streams.AuditStream} {
			update := fmt.Sprintf(`{"name":%q,"subjects":["gone.%s"],"retention":"limits","storage":"file","num_replicas":1,"max_age":1000000000}`, stream, stream)
			list = append(list, aim{api + ".STREAM.DELETE." + stream, ""}, aim{api + ".STREAM.PURGE." + stream, ""}, aim{api + ".STREAM.UPDATE." + stream, update},
				aim{api + ".STREAM.MSG.DELETE." + stream, `{"seq":1}`}, aim{api + ".STREAM.SNAPSHOT." + stream, `{"deliver_subject":"usher.audit"}`})
		}
	}
	return append(list, aim{"usher.audit", "forged"}, aim{"$KV.CONTROL.deletions", "{}"}, aim{"usher.dead.lead.user.created.k", "{}"}, aim{"usher.lease.lead", "{}"})
}

// writable are subjects of the streams, one that each right allows.
var writable = []string{
	events.UserCreated, events.EnrollmentRequested, events.ActivityTracked, "user.provisioned.lead", "usher.dead.webhooks.crm.k", "usher.dead.lead.user.created.k2",
	"usher.replay.lead.user.created", "usher.lease.meiro", "usher.timer.lead.2.d", "usher.history.cd", "usher.moved.x", "usher.audit",
	"$KV.ACCOUNTS.lead.e", "$KV.EFFECTS.lead.e.k", "$KV.ACTIVITY_INDEX.lead.1.1.1", "$KV.PROFILES.e", "$KV.EMAILS.user.e", "$KV.ACCOUNT_INDEX.lead.e",
	"$KV.OWNERSHIP.lead.token", "$KV.CONTROL.pause.lead",
}

// readable are streams whose messages come back as they were stored, with a subject of each.
var readable = map[string]string{
	"KV_ACCOUNTS": "$KV.ACCOUNTS.lead.x", "KV_EFFECTS": "$KV.EFFECTS.lead.x.k", "KV_PROFILES": "$KV.PROFILES.x", "KV_EMAILS": "$KV.EMAILS.user.x",
	"KV_CONTROL": "$KV.CONTROL.x", "KV_ACTIVITY_INDEX": "$KV.ACTIVITY_INDEX.lead.x.1.1", "DEADLETTERS": "usher.dead.webhooks.crm.x", "EVENTS": events.UserUpdated,
	"RESULTS": "user.updated.lead", "TIMERS": "usher.wake.lead.x", "LEASES": "usher.lease.x", "OPEN_REPLAYS": "usher.replay.lead.x", "KV_ACCOUNT_INDEX": "$KV.ACCOUNT_INDEX.lead.x",
}

// headerAttacks are headers to which the server gives a meaning.
func headerAttacks(target string) (list []nats.Header) {
	const account = `{"acc":"USHER","svc":"USHER"}`
	for _, h := range []map[string]string{
		{"Nats-Rollup": "all"},
		{"Nats-Rollup": "sub"},
		{"Nats-Trace-Dest": target},
		{"Nats-Trace-Dest": target, "Nats-Trace-Only": "true"},
		{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Nats-Trace-Dest": target},
		{"Nats-Schedule": "@at 2020-01-01T00:00:00Z", "Nats-Schedule-Target": target},
		{"Nats-Schedule": "@every 1s", "Nats-Schedule-Target": target, "Nats-Schedule-TTL": "1s"},
		{"Nats-Schedule": "@at 2020-01-01T00:00:00Z", "Nats-Schedule-Target": target, "Nats-Schedule-Source": "$KV.ACCOUNTS.lead.d"},
		{"Nats-TTL": "1s"},
		{"Nats-Marker-Reason": "Purge"},
		{"Nats-Incr": "+1"},
		{"Nats-Batch-Id": "b", "Nats-Batch-Sequence": "1", "Nats-Batch-Commit": "1"},
		{"Nats-Expected-Stream": "AUDIT"},
		{"Nats-Expected-Last-Sequence": "0"},
		{"Nats-Msg-Id": "x", "Nats-Expected-Last-Msg-Id": "y"},
		{"Nats-Stream-Source": "AUDIT 1 > >", "Nats-Stream": "AUDIT", "Nats-Sequence": "1"},
		{"Nats-Request-Info": account},
		{"Nats-Required-Api-Level": "0"},
		{"KV-Operation": "PURGE", "Nats-Rollup": "sub"},
		{"Status": "100", "Nats-Consumer-Stalled": target, "Nats-Last-Consumer": "1"},
	} {
		header := nats.Header{}
		for name, value := range h {
			header[name] = []string{value}
		}
		list = append(list, header)
	}
	return append(list, nats.Header{"Nats-Request-Info": {account, account}})
}

// answerAttacks returns attacks by the answers to allowed requests: acknowledgements, records with a
// body and headers of the attacker's choice, and deliveries. The first list has to be stored first.
func answerAttacks() (store, list []attack) {
	for _, a := range aims() {
		for _, subject := range writable {
			list = append(list, attack{subject: subject, reply: a.subject, body: a.body})
		}
		for stream, subject := range readable {
			n := len(store)
			own := fmt.Sprintf("%s%d", subject, n)
			if !strings.HasPrefix(subject, "$KV.") && !strings.HasPrefix(subject, "usher.") {
				own = subject
			}
			header := nats.Header{"Nats-Request-Info": {`{"acc":"USHER"}`, `{"acc":"AUDIT"}`}}
			store = append(store, attack{subject: own, body: a.body}, attack{subject: own + "h", body: a.body, header: header})
			if own == subject { // a subject without room for a name
				store[len(store)-1].subject = own
			}
			name := fmt.Sprintf("z%d", n)
			ack := "none"
			if stream == "TIMERS" { // a work queue
				ack = "explicit"
			}
			consumer := fmt.Sprintf(`{"stream_name":%q,"config":{"name":%q,"filter_subject":%q,"ack_policy":%q,"deliver_policy":"all"},"action":""}`, stream, name, own, ack)
			push := strings.Replace(strings.ReplaceAll(consumer, name, name+"p"), `"filter`, fmt.Sprintf(`"durable_name":%q,"deliver_subject":%q,"filter`, name+"p", a.subject), 1)
			list = append(list,
				attack{subject: "$JS.API.DIRECT.GET." + stream + "." + own, reply: a.subject},
				attack{subject: "$JS.API.DIRECT.GET." + stream + "." + own + "h", reply: a.subject},
				attack{subject: "$JS.API.DIRECT.GET." + stream, reply: a.subject, body: fmt.Sprintf(`{"last_by_subj":%q}`, own)},
				attack{subject: "$JS.API.STREAM.MSG.GET." + stream, reply: a.subject, body: fmt.Sprintf(`{"last_by_subj":%q}`, own)},
				attack{subject: "$JS.API.CONSUMER.CREATE." + stream + "." + name + "." + own, body: consumer},
				attack{subject: "$JS.API.CONSUMER.MSG.NEXT." + stream + "." + name, reply: a.subject, body: `{"batch":1}`},
				attack{subject: "$JS.API.CONSUMER.CREATE." + stream + "." + name + "p." + own, body: push},
				attack{subject: "$JS.API.CONSUMER.RESET." + stream + "." + name, reply: a.subject, body: `{"seq":1}`},
				attack{subject: "$JS.ACK." + stream + "." + name + ".1.1.1.1.1", reply: a.subject, body: "+NXT"},
				attack{subject: "$JS.FC." + stream + "." + name + ".x", reply: a.subject})
		}
	}
	return store, list
}

// requestAttacks are further requests that no user but the keeper of the settings may make.
func requestAttacks() (list []attack) {
	for _, api := range []string{"$JS.API", auditAPI, "$JS.hub.API"} {
		for _, stream := range append(slices.Clone(guardedStreams), strangeStream) {
			body := fmt.Sprintf(`{"name":%q,"subjects":["evil.>"],"storage":"file","republish":{"src":">","dest":"usher.audit"},"mirror":{"name":"KV_ACCOUNTS"}}`, stream)
			source := strings.Replace(body, `"mirror":{"name":"KV_ACCOUNTS"}`, `"sources":[{"name":"KV_ACCOUNTS","external":{"api":"JS.audit.API","deliver":"usher.audit"}}]`, 1)
			for _, b := range []string{body, source} {
				list = append(list, attack{subject: api + ".STREAM.CREATE." + stream, body: b}, attack{subject: api + ".STREAM.UPDATE." + stream, body: b})
			}
			for _, request := range []string{"CONSUMER.PAUSE.%s.usher-lead-activity", "CONSUMER.UNPIN.%s.usher-lead-activity", "CONSUMER.LEADER.STEPDOWN.%s.usher-lead-activity", "CONSUMER.LIST.%s", "CONSUMER.NAMES.%s", "CONSUMER.DELETE.%s.usher-lead-activity"} {
				list = append(list, attack{subject: api + "." + fmt.Sprintf(request, stream), body: `{"pause_until":"2090-01-01T00:00:00Z","group":"g"}`})
			}
		}
		for _, request := range []string{"INFO", "STREAM.LIST", "STREAM.NAMES", "META.LEADER.STEPDOWN", "SERVER.REMOVE", "ACCOUNT.PURGE.USHER", "ACCOUNT.PURGE.AUDIT", "ACCOUNT.STREAM.MOVE.USHER.EVENTS", "STREAM.TEMPLATE.DELETE.x"} {
			list = append(list, attack{subject: api + "." + request, body: `{}`})
		}
	}
	for _, subject := range []string{
		"$SYS.REQ.SERVER.PING.JSZ", "$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.ACCOUNT.USHER.CONNZ", "$SYS.REQ.ACCOUNT.USHER.JSZ", "$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.USER.INFO", "$SYS.REQ.SERVER.PING.KICK",
		"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.EVENTS.usher-lead-activity", "$JS.EVENT.ADVISORY.STREAM.DELETED.EVENTS", "_INBOX.x", "_R_.x", "_GR_.x", "$NRG.V.x", "$JSC.x", "$G.x", "$JS.SNAPSHOT.RESTORE.EVENTS.x", "$JS.SNAPSHOT.ACK.EVENTS.x",
	} {
		list = append(list, attack{subject: subject, body: `{}`})
	}
	return list
}

// headersOfAttacks returns an attack by each header on each subject.
func headersOfAttacks() (list []attack) {
	for _, subject := range writable {
		for i, a := range aims() {
			for _, header := range headerAttacks(a.subject) {
				if i > 0 && header.Get("Nats-Trace-Dest") == "" && header.Get("Nats-Schedule-Target") == "" { // the same for every aim
					continue
				}
				list = append(list, attack{subject: subject, body: a.body, header: header})
			}
		}
	}
	return list
}

// awaited reports whether an attack is allowed, and the next one needs the outcome.
func (a attack) awaited(rights []right) bool {
	return strings.HasPrefix(a.subject, "$JS.API.CONSUMER.CREATE.") && slices.ContainsFunc(rights, func(r right) bool { return server.SubjectsCollide(r.subject, a.subject) })
}
