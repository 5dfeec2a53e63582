package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/config"
)

// further returns sections of further instances, by kind.
func further(kind, name string) config.Section {
	for _, s := range defaults().sections() {
		if s.Name == kind {
			s.Name = name
			return s
		}
	}
	return config.Section{Name: name}
}

// loadFile loads a file with further instances.
func loadFile(t *testing.T, text string, environ ...string) (config.Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	return config.Load(config.Sources{Path: write(t, "usher.yaml", text), Environ: environ, Vendors: defaults().sections(), Instance: further})
}

func TestInstances(t *testing.T) {
	c, err := loadFile(t, `
base: &base {kind: miestro, api_key: k, api_secret: s}
vendors:
  miestro: {kind: miestro, rate: 1}
  school1: {kind: miestro, api_key: k1, api_secret: s1, base_url: "https://one.example/", rate: 7}
  school2: {kind: lead, timeout: 3s, mode: shadow, may: [create, update], start: 2026-09-01T00:00:00Z}
courses: {go: {school1: 4, school2: 5}}
`, "USHER_SCHOOL2_EMAIL=a@example.org", "USHER_SCHOOL2_PASSWORD=p", "USHER_SCHOOL2_BASE_URL=https://two.example", "USHER_SCHOOL1_RATE=8")
	if want := "base: unknown key; remove it"; err == nil || !strings.Contains(err.Error(), want) || len(config.Faults(err)) != 1 {
		t.Fatalf("got %v, want only %q", err, want)
	}
	if got, want := c.On(), []string{"school1", "school2"}; !slices.Equal(got, want) {
		t.Errorf("got on %v, want %v", got, want)
	}
	one, _ := c.Section("school1")
	two, _ := c.Section("school2")
	first, _ := c.Section("miestro")
	got := fmt.Sprint(one.KindName(), one.Settings.Common().Rate, one.Settings.Common().BaseURL, one.Rules.May, one.Rules.Mode, one.Rules.Start,
		"|", two.KindName(), two.Settings.Common().Timeout, two.Rules.May, two.Rules.Mode, two.Rules.Start, "|", first.Settings.Common().Rate)
	if want := "miestro8https://one.examplealllive all|lead3s create, update shadow 2026-09-01T00:00:00Z|1"; strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
		t.Errorf("got %s, want %s", got, want)
	}
	if !slices.ContainsFunc(c.Show(), func(s config.Shown) bool { return s.Key == "vendors.school2.mode" && s.Text() == "shadow" }) {
		t.Error("config show has no mode of school2")
	}
}

// A vendor with a mode of its own takes either word, or both in a list.
func TestModeBesideAModeOfTheVendor(t *testing.T) {
	for text, want := range map[string]string{"customers": "customers live", "shadow": "operators shadow", "[off, customers]": "customers off"} {
		c, err := loadFile(t, "vendors: {meiro: {mode: "+text+"}}\n")
		if err != nil {
			t.Fatal(err)
		}
		s, _ := c.Section("meiro")
		var own string
		for _, shown := range c.Show() {
			if shown.Key == "vendors.meiro.mode" && shown.Variable != "" {
				own = shown.Text()
			}
		}
		if got := own + " " + s.Rules.Mode.String(); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestFaultsOfInstances(t *testing.T) {
	const kinds = "miestro, meiro, lead, magloft, usermost"
	for name, test := range map[string]struct{ file, want string }{
		"misspelled kind":         {"{school: {kind: miestor}}", `:1: vendors.school.kind: is no kind of vendor: "miestor"; did you mean miestro?`},
		"no such kind":            {"{school: {kind: zzzzzzz}}", `:1: vendors.school.kind: is no kind of vendor: "zzzzzzz"; want one of: ` + kinds},
		"kind that is a list":     {"{school: {kind: [lead]}}", `:1: vendors.school.kind: is no kind of vendor: ""; want one of: ` + kinds},
		"misspelled vendor":       {"{miestr: {rate: 1}}", ":1: vendors.miestr: unknown key; did you mean miestro?"},
		"no kind":                 {"{school: {rate: 1}}", ":1: vendors.school: unknown key; set kind below vendors.school to one of: " + kinds},
		"kind under another":      {"{lead: {kind: miestro}}", `:1: vendors.lead.kind: cannot be "miestro": lead is a kind itself; give the instance another name`},
		"dash":                    {"{school-2: {kind: lead}}", ":1: vendors.school-2: cannot be the name of a vendor; want lower-case letters and digits, a letter first, at most 32"},
		"capital":                 {"{School: {kind: lead}}", ":1: vendors.School: cannot be the name of a vendor; want lower-case letters and digits, a letter first, at most 32"},
		"digit first":             {"{2school: {kind: lead}}", ":1: vendors.2school: cannot be the name of a vendor; want lower-case letters and digits, a letter first, at most 32"},
		"dot":                     {"{a.b: {kind: lead}}", ":1: vendors.a.b: cannot be the name of a vendor; want lower-case letters and digits, a letter first, at most 32"},
		"long":                    {"{" + strings.Repeat("a", 33) + ": {kind: lead}}", "cannot be the name of a vendor; want lower-case letters and digits, a letter first, at most 32"},
		"place of dead letters":   {"{webhooks: {kind: lead}}", ":1: vendors.webhooks: cannot be the name of a vendor: webhooks has another meaning; give the instance another name"},
		"variables of a part":     {"{nats: {kind: lead}}", ":1: vendors.nats: cannot be the name of a vendor: nats has another meaning; give the instance another name"},
		"change that is no word":  {"{lead: {may: [create, updat]}}", `:1: vendors.lead.may: has "updat", which is no kind of change; did you mean update?`},
		"no change":               {"{lead: {may: []}}", ":1: vendors.lead.may: is empty; want one or more of: create, update, delete, restore, enroll, unenroll, track; for a vendor without changes, set mode to shadow or off"},
		"changes in one word":     {"{lead: {may: create}}", `:1: vendors.lead.may: cannot be "create"; want a list of: create, update, delete, restore, enroll, unenroll, track`},
		"mode":                    {"{lead: {mode: shadw}}", `:1: vendors.lead.mode: cannot be "shadw"; want one of: live, shadow, off`},
		"adopt":                   {"{lead: {adopt: nver}}", `:1: vendors.lead.adopt: cannot be "nver"; want one of: always, unclaimed, never`},
		"former word of adopt":    {"{scim: {adopt: any}}", `:1: vendors.scim.adopt: cannot be "any"; write always, the present word for the same`},
		"adopt without a look-up": {"{usermost: {adopt: never}}", ":1: vendors.usermost.adopt: has no meaning: the vendor, or the vendor in this mode, knows users by our ids and finds no accounts; leave vendors.usermost.adopt out"},
		"adopt in a mode":         {"{meiro: {mode: customers, adopt: never}}", ":1: vendors.meiro.adopt: has no meaning: "},
		"match":                   {"{scim: {match: [id, mail]}}", `:1: vendors.scim.match: has "mail", by which the vendor finds no account; did you mean email?`},
		"match by id at lead":     {"{lead: {match: [id, email]}}", `:1: vendors.lead.match: has "id", by which the vendor finds no account; want one or more of: email`},
		"match without the id":    {"{scim: {external_id: false, match: [id]}}", `vendors.scim.match: has "id", by which the vendor finds no account; want one or more of: email`},
		"match by nothing":        {"{scim: {match: []}}", ":1: vendors.scim.match: is empty; want one or more of: id, email"},
		"match twice":             {"{scim: {match: [id, id]}}", `:1: vendors.scim.match: has "id" twice; keep one`},
		"match in one word":       {"{scim: {match: id}}", `:1: vendors.scim.match: cannot be "id"; want a list of: id, email`},
		"match without a look-up": {"{usermost: {match: [id]}}", ":1: vendors.usermost.match: has no meaning: "},
		"on_delete":               {"{lead: {on_delete: forget}}", `:1: vendors.lead.on_delete: cannot be "forget"; want one of: delete, disable, keep`},
		"disable at lead":         {"{lead: {on_delete: disable}}", "vendors.lead.on_delete: cannot be disable: the API of the vendor, or the API of the vendor in this mode, has no way to disable an account; want delete or keep"},
		"disable in a mode":       {"{meiro: {mode: customers, on_delete: disable}}", "vendors.meiro.on_delete: cannot be disable: "},
		"disable at an instance":  {"{school: {kind: magloft, on_delete: disable}}", "vendors.school.on_delete: cannot be disable: "},
		"on_unknown":              {"{lead: {on_unknown: forget}}", `:1: vendors.lead.on_unknown: cannot be "forget"; want one of: fail, skip`},
		"on_leave":                {"{lead: {scope: 'true', on_leave: forget}}", `:1: vendors.lead.on_leave: cannot be "forget"; want one of: delete, disable, keep`},
		"leave without a scope":   {"{lead: {on_leave: delete}}", ":1: vendors.lead.on_leave: needs a scope: without, every user is in scope and nobody leaves; set vendors.lead.scope, or leave vendors.lead.on_leave out"},
		"leave at usermost":       {"{usermost: {scope: 'true', on_leave: delete}}", ":1: vendors.usermost.on_leave: cannot be delete: the API of the vendor has no way to delete an account; want keep"},
		"leave at lead":           {"{lead: {scope: 'true', on_leave: disable}}", "vendors.lead.on_leave: cannot be disable: the API of the vendor, or the API of the vendor in this mode, has no way to disable an account; want delete or keep"},
		"grace at once":           {"{magloft: {mode: readers, on_delete: disable, delete_after: 0s}}", ":1: vendors.magloft.delete_after: is 0s; want a time above 0, such as 720h; leave the key out to keep disabled accounts"},
		"grace in words":          {"{magloft: {mode: readers, on_delete: disable, delete_after: later}}", `:1: vendors.magloft.delete_after: cannot be "later"; want a duration such as 30s, 10m or 24h`},
		"grace without disabling": {"{magloft: {mode: readers, delete_after: 720h}}", ":1: vendors.magloft.delete_after: needs on_delete or on_leave: disable: without, no account is disabled that could be deleted later; set vendors.magloft.on_delete to disable, where the vendor can disable accounts, or leave vendors.magloft.delete_after out"},
		"grace at lead":           {"{lead: {on_delete: disable, delete_after: 720h}}", "vendors.lead.on_delete: cannot be disable: "},
		"key of a field":          {"{lead: {map: {email: {value: user.email, when: create}}}}", ":1: vendors.lead.map: cannot be read: unknown key when: the keys are value, at"},
		"deletions":               {"{lead: {deletions: {count: -1}}}", ":1: vendors.lead.deletions.count: cannot be -1; want 1 or more, or 0 to turn the deletion guard off"},
		"share of deletions":      {"{lead: {deletions: {share: 1.5}}}", ":1: vendors.lead.deletions.share: cannot be 1.5; want more than 0 and no more than 1"},
		"no share of deletions":   {"{lead: {deletions: {share: 0}}}", ":1: vendors.lead.deletions.share: cannot be 0; want more than 0 and no more than 1"},
		"window of deletions":     {"{lead: {deletions: {window: 0s}}}", ":1: vendors.lead.deletions.window: must be above zero; want a duration such as 30s, 10m or 24h"},
		"misspelled limit":        {"{lead: {deletions: {cuont: 1}}}", ":1: vendors.lead.deletions.cuont: unknown key; did you mean count?"},
		"limits in one word":      {"{lead: {deletions: off}}", ":1: vendors.lead.deletions: cannot be one value; want settings below this key: count, share, window"},
		"start":                   {"{lead: {start: yesterday}}", `:1: vendors.lead.start: cannot be "yesterday"; want all, now, or a time such as 2026-09-01T00:00:00Z`},
		"start without a time":    {"{lead: {start: 2026-09-01}}", `:1: vendors.lead.start: cannot be "2026-09-01"; want all, now, or a time such as 2026-09-01T00:00:00Z`},
		"start in the future":     {"{lead: {start: 2999-09-01T00:00:00Z}}", `:1: vendors.lead.start: is in the future; want a time that has passed, or now`},
		"key of another kind":     {"{school: {kind: lead, api_key: k}}", ":1: vendors.school.api_key: unknown key"},
		"repeated":                {"{a: {kind: lead}, a: {kind: lead}}", ":1: vendors.a: is repeated; keep one of them"},
		"rule in the environment": {"{a: {kind: lead, mode: [shadow]}}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadFile(t, "vendors: "+test.file+"\n")
			if got := fmt.Sprint(err); test.want != "" && (!strings.Contains(got, test.want) || len(config.Faults(err)) != 1) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if test.want == "" && err == nil {
				t.Error("got no fault")
			}
		})
	}
}

// A section may come from a merged mapping, or from an alias.
func TestInstancesOfMergedMappings(t *testing.T) {
	for _, text := range []string{
		"vendors:\n  school1: &s {kind: lead}\n  school2: {<<: *s}\n  school3: *s\n",
		"vendors:\n  <<: {school2: {kind: lead}, school1: {kind: lead}}\n  school3: {kind: lead}\n",
	} {
		c, err := loadFile(t, text)
		var got []string
		for _, s := range c.Vendors[len(defaults().sections()):] {
			got = append(got, s.Name)
		}
		slices.Sort(got)
		if diff := cmp.Diff([]string{"school1", "school2", "school3"}, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", text, err, diff)
		}
	}
	if _, err := loadFile(t, "vendors: &v\n  <<: *v\n  a: {kind: lead}\n"); err == nil {
		t.Error("a mapping inside itself is no fault")
	}
}

func TestTwinsAreAWarning(t *testing.T) {
	const keys = "api_key: k, api_secret: s"
	for other, want := range map[string]bool{
		"{kind: miestro, " + keys + "}":                                    true,
		"{kind: miestro, " + keys + ", rate: 9}":                           true,
		"{kind: miestro, api_key: k, api_secret: t}":                       false,
		"{kind: miestro, " + keys + ", base_url: https://other.example/a}": false,
		"{kind: miestro, " + keys + ", mode: off}":                         false,
	} {
		c, err := loadFile(t, "vendors:\n  miestro: {"+keys+"}\n  second: "+other+"\n")
		got := slices.Contains(c.Warnings(), "miestro and second have the same address and credentials: both change the same accounts")
		if err != nil || got != want {
			t.Errorf("%s: got %v, %v, warnings %q, want %v", other, got, err, c.Warnings(), want)
		}
	}
}

// Vendors of two kinds may stand behind one address.
func TestTwoKindsAreNoTwins(t *testing.T) {
	const same = "base_url: https://one.example/a, email: a@example.org, password: p"
	c, err := loadFile(t, "vendors:\n  lead: {"+same+"}\n  meiro: {"+same+"}\n")
	if err != nil || len(c.On()) != 2 || strings.Contains(strings.Join(c.Warnings(), "\n"), "same address") {
		t.Errorf("got %v on (%v), warnings %q", c.On(), err, c.Warnings())
	}
}

// A vendor has the limits of deletions of all vendors, unless the section has others.
func TestDeletionsAt(t *testing.T) {
	c, err := loadFile(t, "deletions: {count: 7, share: 0.25}\nvendors:\n  lead: {deletions: {count: 0, window: 2h}}\n  meiro: {deletions: {share: 0.75}}\n")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]config.Deletions{
		"lead":    {Window: 2 * time.Hour, Count: 0, Share: 0.25},
		"meiro":   {Window: time.Hour, Count: 7, Share: 0.75},
		"miestro": {Window: time.Hour, Count: 7, Share: 0.25},
	} {
		s, ok := c.Section(name)
		if got := c.DeletionsAt(s); !ok || got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	if c, err := loadFile(t, "deletions: {count: 0}\n"); err != nil || c.Deletions.Count != 0 {
		t.Errorf("got %+v (%v), want the guard turned off", c.Deletions, err)
	}
	var shown []string
	for _, line := range c.Show() {
		if strings.HasPrefix(line.Key, "vendors.lead.deletions") {
			shown = append(shown, fmt.Sprint(line.Key, "=", line.Text()))
		}
	}
	if got := strings.Join(shown, " "); got != "vendors.lead.deletions.count=0 vendors.lead.deletions.window=2h" {
		t.Errorf("got %s shown", got)
	}
}

// A program without further instances refuses a section of one.
func TestNoFurtherInstances(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.yaml")
	if err := os.WriteFile(path, []byte("vendors: {school: {kind: lead}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(config.Sources{Path: path, Vendors: defaults().sections()})
	if err == nil || !strings.Contains(err.Error(), ":1: vendors.school: is a further instance, and this program has none; remove the section") {
		t.Errorf("got %v", err)
	}
}

// After a rename in the file alone, the variables still turn on the former name.
func TestVariablesOfAFormerNameAreAWarning(t *testing.T) {
	const renamed = "vendors:\n  school2: {kind: miestro, base_url: https://two.example/a}\n"
	credentials := []string{"USHER_MIESTRO_API_KEY=k", "USHER_MIESTRO_API_SECRET=s"}
	for name, test := range map[string]struct {
		text string
		more []string
		want bool
	}{
		"renamed":                       {renamed, nil, true},
		"with a section in the file":    {renamed + "  miestro: {rate: 3}\n", nil, false},
		"with an address of its own":    {renamed, []string{"USHER_MIESTRO_BASE_URL=https://one.example/a"}, false},
		"an instance of another kind":   {"vendors:\n  school2: {kind: lead}\n", nil, false},
		"credentials in both variables": {renamed, []string{"USHER_SCHOOL2_API_KEY=k2", "USHER_SCHOOL2_API_SECRET=s2"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := loadFile(t, test.text, append(slices.Clone(credentials), test.more...)...)
			s, _ := c.Section("miestro")
			want := "miestro is on by USHER_MIESTRO_API_KEY, USHER_MIESTRO_API_SECRET alone, at " + s.Settings.Common().BaseURL +
				", beside school2 of the same kind in the file: after a rename, rename the variables too; otherwise set vendors.miestro.base_url"
			if got := slices.Contains(c.Warnings(), want); err != nil || got != test.want {
				t.Errorf("got %v (%v), warnings %q, want %v", got, err, c.Warnings(), test.want)
			}
		})
	}
}
