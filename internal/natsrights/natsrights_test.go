package natsrights_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/natsrights"
	"github.com/usherhq/usher/internal/streams"
)

func subjects(u natsrights.User) (list []string) {
	for _, r := range u.Publish {
		list = append(list, r.Subject)
	}
	return list
}

// TestFewestRights lists the rights of the users that strangers reach.
func TestFewestRights(t *testing.T) {
	t.Parallel()
	own := natsrights.Config{Events: "EVENTS", Own: true}
	theirs := natsrights.Config{
		Names: streams.Names{Prefix: "staging", EventPrefix: "prod", ResultPrefix: "staging"}, Events: "USERS", API: "$JS.hub.API.", Inbox: "_INBOX_usher",
	}
	for name, c := range map[string]struct {
		config natsrights.Config
		user   string
		want   []string
	}{
		"producer": {own, natsrights.Producer, []string{"user.*", "enrollment.*", "activity.*"}},
		"ingest": {own, natsrights.Ingest, []string{
			"user.*", "enrollment.*", "activity.*", "usher.dead.webhooks.>", "$JS.API.STREAM.INFO.EVENTS", "$JS.API.STREAM.INFO.DEADLETTERS", "$JS.API.STREAM.MSG.GET.EVENTS",
		}},
		"ingest with a stream of the user's, behind a leaf node": {theirs, natsrights.Ingest, []string{
			"prod.user.*", "prod.enrollment.*", "prod.activity.*", "staging-usher.dead.webhooks.>",
			"$JS.hub.API.STREAM.INFO.USERS", "$JS.hub.API.STREAM.INFO.STAGING_DEADLETTERS", "$JS.hub.API.STREAM.MSG.GET.USERS", "$JS.hub.API.DIRECT.GET.USERS",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, subjects(c.config.Of(c.user))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	if all := strings.Join(subjects(theirs.Of(natsrights.Worker)), " "); !strings.Contains(all, " $JS.hub.API.$KV.STAGING_ACCOUNTS.> ") || strings.Contains(all, " $KV.") {
		t.Errorf("got %s, want records below the API", all)
	}
	if got := theirs.Of(natsrights.Ingest).Permissions(); !strings.Contains(got, "\"_INBOX_usher.>\" # answers") {
		t.Errorf("got\n%s\nwant the subject of answers", got)
	}
}

// ours matches the subjects of an Usher with the prefix staging, whatever others share the account.
var ours = regexp.MustCompile(`^(staging\.|staging-usher\.|\$KV\.STAGING_|\$JS\.API\.INFO$|\$JS\.ACK\.|(\$JS|JS\.audit)\.API\.[A-Z.]+\.(KV_)?STAGING_)`)

// TestRightsUnderPrefix looks for rights to the streams of another Usher in the account.
func TestRightsUnderPrefix(t *testing.T) {
	t.Parallel()
	n := streams.Names{Prefix: "staging", EventPrefix: "staging", ResultPrefix: "staging"}
	c := natsrights.Config{Names: n, Events: n.Events(), Own: true, Audit: "JS.audit.API."}
	for _, user := range natsrights.Users() {
		for _, subject := range subjects(c.Of(user)) {
			if !ours.MatchString(subject) {
				t.Errorf("%s may publish %s, which is not under the prefix", user, subject)
			}
		}
	}
}
