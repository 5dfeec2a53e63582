package httpapi

import (
	"fmt"
	"slices"
	"strings"
)

// Lint returns the faults of a file, as Parse does, and doubtful facts: unreachable answers, a POST
// with repeat: safe, an account without proof. Facts that are only missing are warnings.
func Lint(name string, text []byte) error {
	f, r, err := parse(name, text)
	if err != nil {
		return err
	}
	linter{r, f}.lint()
	return joinFaults(r.faults)
}

type linter struct {
	*reader
	file *File
}

func (l linter) lint() {
	f := l.file
	l.unsaid()
	l.unreachable("answers", f.Answers)
	for i := range f.Find {
		l.unreachable(fmt.Sprintf("find[%d].answers", i), f.Find[i].Answers)
		l.absence(fmt.Sprintf("find[%d]", i), f.Find[i])
	}
	if c := f.Create; c != nil {
		l.unreachable("create.answers", c.Answers)
		l.safe("create", &c.Request, c.Repeat, c.Because)
		if !c.Item.set() && !c.Done.set() && !f.Account.isAddressed() {
			l.fault(ofKey, "create", "takes every answer of success as a new account", "set item, the account in the answer, or done, what the answer must show")
		}
	}
	for _, o := range f.operations() {
		for i, ch := range *o.calls {
			key := keyOf(o.name, i, len(*o.calls))
			l.unreachable(key+".answers", ch.Answers)
			if o.name == "enroll" {
				l.safe(key, &ch.Request, ch.Repeat, ch.Because)
			}
		}
	}
	l.enrolment()
	if f.Track != nil {
		l.safe("track", &f.Track.Request, f.Track.Repeat, f.Track.Because)
		if f.Track.Repeat == "" || f.Track.Repeat == repeatNever {
			l.fault(ofKey, "track.repeat", "is never: an activity with a lost answer becomes a dead letter", "send a key, such as a header from origin.key, and set repeat: keyed")
		}
	}
}

// unsaid warns of facts of most APIs that are not in the file.
func (l linter) unsaid() {
	f := l.file
	if f.Account == nil || f.Account.Addressed {
		return
	}
	if changes := len(f.Update) + len(f.Delete) + len(f.Disable); changes > 0 && !f.Account.Staff.set() {
		l.warn("account.staff", "is missing: Usher updates, disables and deletes accounts of administrators as well", "set staff, such as item.role == \"admin\", and describe show; or staff: \"false\" if the API shows no roles")
	}
	if c := f.Create; c != nil && !slices.ContainsFunc(slices.Concat(c.Answers, f.Answers), func(r Rule) bool { return r.Is == isTaken }) {
		l.warn("create.answers", "no answer says taken: a refusal of an e-mail in use has no name in the dead letter, and goes unnoticed in an answer of success", "add the answer, such as {if: answer.status == 409, is: taken}; or {if: \"false\", is: taken} if the API has none")
	}
}

// hasStaff reports whether the file can tell accounts of staff.
func (f *File) hasStaff() bool { return f.Account.Staff.set() && f.Account.Staff.text != "false" }

func (a *Account) isAddressed() bool { return a != nil && a.Addressed }

// enrolment reports an enrolment whose repeat cannot be distinguished from a first one.
func (l linter) enrolment() {
	f := l.file
	for i, ch := range f.Enroll {
		said := false
		for _, r := range ch.Answers {
			said = said || r.Is == isAlready
		}
		if f.Enrolled == nil && !said && ch.Repeat == "" && !ch.Skip.set() {
			l.fault(ofKey, keyOf("enroll", i, len(f.Enroll)), "does not say what a second enrolment does", "describe enrolled, or an answer that is already, or set repeat")
		}
	}
}

// safe reports a POST with repeat: safe and no reason.
func (l linter) safe(key string, r *Request, repeat, because string) {
	if r.POST.set() && repeat == repeatSafe && strings.TrimSpace(because) == "" {
		l.fault(ofKey, key+".repeat", "says that a POST is safe to repeat, which few are", "add because: with the sentence of the documents; else set repeat: never, and let find decide")
	}
}

// absence reports a look-up of one account without a proof of absence.
func (l linter) absence(key string, s Find) {
	if !s.Item.set() || s.Optional {
		return
	}
	for _, r := range s.Answers {
		if r.Is == isNobody {
			return
		}
	}
	l.fault(ofKey, key, "never proves that an account is missing", "add answers: with the answer for nobody, such as {if: answer.status == 404, is: nobody}; or set optional: true")
}

// unreachable reports rules behind a rule that always fits, or behind the same rule.
func (l linter) unreachable(key string, rules []Rule) {
	seen := map[string]int{}
	always := -1
	for i, r := range rules {
		at := fmt.Sprintf("%s[%d]", key, i)
		text := strings.Join(strings.Fields(r.If.text), " ")
		before, twice := seen[text]
		switch {
		case always >= 0:
			l.fault(ofKey, at, fmt.Sprintf("is never reached: rule %d always fits", always), "remove one of them, or change the order")
		case twice:
			l.fault(ofKey, at, fmt.Sprintf("is never reached: rule %d has the same condition", before), "keep one of them")
		case text == "true":
			always = i
		case text == "false" && r.Is != isTaken:
			l.fault(ofKey, at, "never fits", "remove the rule")
		}
		seen[text] = i
	}
}
