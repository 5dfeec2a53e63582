package notify

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBodies compares the bodies of all formats.
func TestBodies(t *testing.T) {
	t.Parallel()
	links := Links{Console: "https://usher.example.org/console/", Runbook: "https://example.org/runbook.md"}
	m := Message{ID: "msg_1", Kind: Dead, Text: "dead letters <wait> & wait", Count: 7, Times: 2, Since: start, cause: "dead.invalid:course:go-101"}
	ended := m
	ended.Times, ended.Ended = 0, start.AddDate(0, 0, 1)
	for name, test := range map[string]struct {
		m            Message
		format, want string
	}{
		"standard": {m, Standard, `{"type":"usher.dead.firing","timestamp":"2026-03-01T12:00:00Z","data":{"cause":"dead.invalid:course:go-101","kind":"dead","state":"firing",
			"summary":"dead letters <wait> & wait (began 2 times since the last message)","count":7,"times":2,"since":"2026-03-01T12:00:00Z",
			"action":"Run usher dead list --by cause, mend the cause, then run usher dead replay.","runbook":"https://example.org/runbook.md#usherdeadletters","console":"https://usher.example.org/console/"}}`},
		"standard, ended": {ended, Standard, `{"type":"usher.dead.resolved","timestamp":"2026-03-01T12:00:00Z","data":{"cause":"dead.invalid:course:go-101","kind":"dead","state":"resolved",
			"summary":"Resolved: dead letters <wait> & wait","count":7,"since":"2026-03-01T12:00:00Z","ended":"2026-03-02T12:00:00Z","console":"https://usher.example.org/console/"}}`},
		"slack": {ended, Slack, `{"text":"*Usher: Resolved: dead letters &lt;wait&gt; &amp; wait*\nSince 2026-03-01T12:00:00Z\n<https://usher.example.org/console/|Console>"}`},
		"teams": {ended, Teams, `{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,"content":{
			"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.4",
			"body":[{"type":"TextBlock","text":"Usher: Resolved: dead letters <wait> & wait","wrap":true,"weight":"Bolder","color":"Good"},{"type":"TextBlock","text":"Since 2026-03-01T12:00:00Z","wrap":true,"isSubtle":true}],
			"actions":[{"type":"Action.OpenUrl","title":"Console","url":"https://usher.example.org/console/"}]}}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.m.body(test.format, links, start)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tree(t, []byte(test.want)), tree(t, got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func tree(t *testing.T, text []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
