package notify

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Message is a message about one problem.
type Message struct {
	ID     string
	Kind   string
	Vendor string
	Text   string
	Count  int
	Times  int // beginnings since the last message
	Since  time.Time
	Ended  time.Time // zero: not ended
	Next   time.Time // of an ended problem: a further beginning is not reported before; zero: at once

	cause string
}

// Test returns a message that tests a target.
func Test(id string, now time.Time) Message {
	return Message{ID: id, Kind: kindTest, Text: "This is a test by usher notify test: nothing is wrong", Since: now}
}

const kindTest = "test"

// Links are the addresses in messages. Empty ones are left out.
type Links struct {
	Console string // the start page of the console
	Runbook string // the page with the sections of the runbook
}

// payload is the body of a message in the format standard.
type payload struct {
	Type      string    `json:"type"` // usher.hold.firing
	Timestamp time.Time `json:"timestamp"`
	Data      data      `json:"data"`
}

type data struct {
	Cause   string     `json:"cause"`
	Kind    string     `json:"kind"`
	State   string     `json:"state"` // firing or resolved
	Vendor  string     `json:"vendor,omitempty"`
	Summary string     `json:"summary"`
	Count   int        `json:"count,omitempty"`
	Times   int        `json:"times,omitempty"`
	Since   time.Time  `json:"since"`
	Ended   *time.Time `json:"ended,omitempty"`
	Action  string     `json:"action,omitempty"`
	Runbook string     `json:"runbook,omitempty"`
	Console string     `json:"console,omitempty"`
}

// The states of a problem, as in Alertmanager.
const (
	firing   = "firing"
	resolved = "resolved"
)

func (m Message) state() string {
	if m.Ended.IsZero() {
		return firing
	}
	return resolved
}

// summary returns the problem in one sentence.
func (m Message) summary() string {
	text := m.Text
	if m.state() == resolved {
		text = "Resolved: " + text
	}
	if m.Times > 1 {
		text += fmt.Sprintf(" (began %d times since the last message)", m.Times)
	}
	if !m.Next.IsZero() {
		text += fmt.Sprintf(" (a further beginning is reported from %s on)", m.Next.UTC().Format("15:04 UTC"))
	}
	return text
}

// body returns the message in a format.
func (m Message) body(format string, l Links, now time.Time) ([]byte, error) {
	d := m.data(l)
	switch format {
	case Slack:
		return json.Marshal(map[string]string{"text": slackText(d)})
	case Teams:
		return json.Marshal(teamsCard(d))
	default:
		return json.Marshal(payload{Type: "usher." + m.Kind + "." + d.State, Timestamp: now.UTC(), Data: d})
	}
}

func (m Message) data(l Links) data {
	d := data{
		Cause: cmp.Or(m.cause, m.Kind), Kind: m.Kind, State: m.state(), Vendor: m.Vendor, Summary: m.summary(),
		Count: m.Count, Times: m.Times, Since: m.Since.UTC(), Console: l.Console,
	}
	if d.State == resolved {
		ended := m.Ended.UTC()
		d.Ended = &ended
		return d
	}
	if a, known := advice[m.Kind]; known {
		d.Action = a.do
		if l.Runbook != "" {
			d.Runbook = l.Runbook + "#" + a.section
		}
	}
	return d
}

// slackEscaped are the characters with a meaning in texts of Slack.
var slackEscaped = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// slackText returns the text for an incoming web hook of Slack.
func slackText(d data) string {
	lines := []string{"*Usher: " + slackEscaped.Replace(d.Summary) + "*", "Since " + d.Since.Format(time.RFC3339)}
	if d.Action != "" {
		lines = append(lines, slackEscaped.Replace(d.Action))
	}
	var links []string
	if d.Runbook != "" {
		links = append(links, "<"+slackEscaped.Replace(d.Runbook)+"|Runbook>")
	}
	if d.Console != "" {
		links = append(links, "<"+slackEscaped.Replace(d.Console)+"|Console>")
	}
	if len(links) > 0 {
		lines = append(lines, strings.Join(links, " · "))
	}
	return strings.Join(lines, "\n")
}

type object = map[string]any

// teamsCard returns the message for a web hook of Workflows in Teams: an Adaptive Card.
func teamsCard(d data) object {
	text := func(text string, more object) object {
		block := object{"type": "TextBlock", "text": text, "wrap": true}
		for key, value := range more {
			block[key] = value
		}
		return block
	}
	color := "Attention"
	if d.State == resolved {
		color = "Good"
	}
	body := []object{text("Usher: "+d.Summary, object{"weight": "Bolder", "color": color}), text("Since "+d.Since.Format(time.RFC3339), object{"isSubtle": true})}
	if d.Action != "" {
		body = append(body, text(d.Action, nil))
	}
	card := object{"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": body}
	var actions []object
	for _, link := range []struct{ title, url string }{{"Runbook", d.Runbook}, {"Console", d.Console}} {
		if link.url != "" {
			actions = append(actions, object{"type": "Action.OpenUrl", "title": link.title, "url": link.url})
		}
	}
	if len(actions) > 0 {
		card["actions"] = actions
	}
	return object{"type": "message", "attachments": []object{{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": card}}}
}
