package chaos

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/scenario"
)

// Rules returns a configuration with rules of a team: two vendors of one kind, one with a
// scope, vendors with disabled accounts, of which one deletes after a grace of seconds, and fields
// made from attributes. A third of the users enter
// and leave the scope. The profiles are encrypted.
func Rules(c Config) Config {
	c.Rules = true
	return c
}

// The vendors with rules.
const (
	everyone = "school1" // of kind miestro: all users
	learners = "school2" // of kind miestro: a scope
	disables = "meiro"   // operators: accounts are disabled
	graces   = "magloft" // readers: accounts are disabled, and deleted after a grace of seconds
)

// grace is the time from the disabling of an account until the deletion.
const grace = 3 * time.Second

// vendors returns the names of the running vendors.
func (c Config) vendors() []string {
	if c.Rules {
		return []string{everyone, learners, disables, graces}
	}
	if c.Vendors != nil {
		return c.Vendors
	}
	return scenario.Vendors
}

// instances returns the arguments of the sandbox for further instances of a kind.
func (c Config) instances() []string {
	if c.Rules {
		return []string{"--instance", everyone + "=miestro", "--instance", learners + "=miestro"}
	}
	return append([]string{"--instance", "scim=scim", "--scim", "taken=second"}, c.fileInstances()...)
}

// setting returns a variable of the sandbox, NAME=value, as a setting of a running vendor of the
// sandbox. ok is false for a variable of no such vendor.
func (c Config) setting(variable string) (setting string, ok bool) {
	for _, v := range c.vendors() {
		_, foreign := c.Foreign[v]
		if foreign || !strings.HasPrefix(variable, "USHER_"+strings.ToUpper(v)+"_") {
			continue
		}
		if f, byFile := files[v]; byFile {
			return f.ofFile(v, variable)
		}
		return variable, true
	}
	return "", false
}

// mappedLastName is the last name at the vendors with rules.
const mappedLastName = `user.last_name + " (" + user.attributes.role + ")"`

// writeFile writes the configuration file of the workers.
func (c Config) writeFile() error {
	text := scenario.CourseFile(scenario.Courses())
	if slices.Contains(c.vendors(), "scim") {
		text += "vendors:\n  scim: {on_delete: delete}\n"
	}
	if c.Root != "" {
		text = c.fileSection(c.Root)
	}
	if c.Rules {
		key, random := filepath.Join(c.Dir, "profiles.key"), make([]byte, 32)
		if _, err := rand.Read(random); err != nil {
			return err
		}
		if err := os.WriteFile(key, []byte(base64.StdEncoding.EncodeToString(random)), 0o600); err != nil {
			return err
		}
		text = fmt.Sprintf("profiles: {keys: [%s]}\nvendors:\n", key) +
			fmt.Sprintf("  %s: {kind: miestro, map: {last_name: '%s'}}\n", everyone, mappedLastName) +
			fmt.Sprintf("  %s: {kind: miestro, scope: 'user.attributes.role == \"learner\"', map: {last_name: '%s'}}\n", learners, mappedLastName) +
			fmt.Sprintf("  %s: {mode: operators, on_delete: disable, map: {last_name: '%s'}}\n", disables, mappedLastName) +
			fmt.Sprintf("  %s: {mode: readers, on_delete: disable, delete_after: %s, map: {last_name: '%s'}}\n", graces, grace, mappedLastName)
	}
	return os.WriteFile(filepath.Join(c.Dir, "usher.yaml"), []byte(text), 0o600)
}

// rulesPosts returns the publications of a run with rules, in order.
func rulesPosts(c Config) ([]post, error) {
	w := newWriter(c)
	for user := range c.Users {
		l := w.life(user)
		l.user.Role = "learner"
		if user%3 == 1 {
			l.user.Role = "staff"
		}
		for l.count < c.Events {
			l.ruleStep()
			l.post()
		}
	}
	return w.finish()
}

// ruleStep writes the next event of a user: snapshots, updates of some members, and deletions. A
// third of the users change their role.
func (l *life) ruleStep() {
	dice, u := l.rng.Float64(), &l.user
	if l.number%3 == 2 && dice < 0.5 {
		u.Role = map[string]string{"staff": "learner", "learner": "staff"}[u.Role]
	}
	switch dice = l.rng.Float64(); {
	case !l.alive:
		l.create()
	case dice < 0.15:
		l.alive = false
		l.Delete(u)
	case dice < 0.4:
		l.Change(u, "attributes")
	case dice < 0.6:
		l.rename()
		l.Change(u, "last_name")
	default:
		l.rename()
		l.Update(u)
	}
}
