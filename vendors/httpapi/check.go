package httpapi

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// checker reports faults of a file that would break a rule of "once", or no call could be made.
type checker struct {
	*reader
	file *File
}

var (
	vendorName  = regexp.MustCompile(`^[a-z][a-z0-9]{0,31}$`)
	settingName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	headerName  = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
)

func (c checker) check() {
	f := c.file
	c.oneOf("kind", f.Kind, "http")
	if !vendorName.MatchString(f.Name) {
		c.fault(ofKey, "name", fmt.Sprintf("cannot be %.80q", f.Name), "want lower-case letters and digits, a letter first, at most 32")
	}
	if u, err := url.Parse(f.BaseURL); f.BaseURL != "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || u.User != nil) {
		c.fault(ofKey, "base_url", "is not the URL of an API", "want https://host/path")
	}
	if f.Rate < 0 {
		c.fault(ofKey, "rate", "is negative", "want calls per second")
	}
	c.oneOf("course_id", f.CourseID, "", courseText, courseNumber)
	c.settings()
	c.auth()
	c.rules("answers", f.Answers, isGone, isAgain, isPermanent, isUnusable)
	c.account()
	c.lookups()
	c.changes()
	c.readers()
}

func (c checker) oneOf(key, value string, words ...string) {
	if slices.Contains(words, value) {
		return
	}
	if value == "" {
		c.fault(ofKey, key, "is missing", "want one of: "+strings.Join(words, ", "))
		return
	}
	c.fault(ofKey, key, fmt.Sprintf("cannot be %.80q", value), "want one of: "+strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), ", "))
}

// taken are the settings of every vendor.
var taken = []string{
	"base_url", "rate", "concurrency", "timeout", "max_age", "ca", "cert", "key", "proxy", "kind", "file", "scope", "map", "may", "mode", "match",
	"adopt", "start", "on_delete", "on_unknown", "on_leave", "delete_after", "deletions",
}

func (c checker) settings() {
	for _, name := range slices.Sorted(maps.Keys(c.file.Settings)) {
		s, key := c.file.Settings[name], "settings."+name
		switch {
		case !settingName.MatchString(name):
			c.fault(ofKey, key, "cannot be the name of a setting", "want lower-case letters, digits and _, a letter first")
		case slices.Contains(taken, name):
			c.fault(ofKey, key, "is a setting of every vendor", "give the setting another name")
		case s.Secret && (s.Default != nil || len(s.OneOf) > 0):
			c.fault(ofKey, key, "is a secret with a known value", "remove default and oneof")
		case s.InPath && !s.Secret:
			c.fault(ofKey, key, "has in_path and is no secret", "remove in_path: other settings may be in any path")
		}
	}
}

func (c checker) auth() {
	a := c.file.Auth
	if a == nil {
		return
	}
	kinds := 0
	for _, there := range []bool{a.Headers != nil, a.Basic != nil, a.Login != nil, a.OAuth2 != nil} {
		if there {
			kinds++
		}
	}
	if kinds != 1 {
		c.fault(ofKey, "auth", fmt.Sprintf("has %d kinds of credentials", kinds), "want one of: headers, basic, login, oauth2")
	}
	c.headers("auth.headers", a.Headers)
	if l := a.Login; l != nil {
		c.request("auth.login", &l.Request, true)
		c.need("auth.login.token", l.Token)
		if (l.For == 0) == !l.ExpiresIn.set() {
			c.fault(ofKey, "auth.login", "needs the lifetime of a token", "set for, such as 7h, or expires_in, such as answer.body.expires_in")
		}
		if l.Renew != nil {
			c.request("auth.login.renew", l.Renew, true)
		}
	}
	if o := a.OAuth2; o != nil {
		c.need("auth.oauth2.token_url", o.TokenURL)
		c.need("auth.oauth2.client_id", o.ClientID)
		c.need("auth.oauth2.client_secret", o.ClientSecret)
		c.oneOf("auth.oauth2.client_auth", o.ClientAuth, "", clientAuthBasic, clientAuthBody)
	}
}

func (c checker) need(key string, e Expr) {
	if !e.set() {
		c.fault(ofKey, key, "is missing", "set "+key)
	}
}

func (c checker) headers(key string, m map[string]Expr) {
	for name := range m {
		if !headerName.MatchString(name) {
			c.fault(ofKey, join(key, name), "is no name of a header", "use letters, digits and -")
		}
	}
}

// request checks a call. posts is whether a method other than GET is right.
func (c checker) request(key string, r *Request, posts bool) {
	found := 0
	for name, p := range r.methods() {
		if !p.set() {
			continue
		}
		found++
		if !posts && name != "GET" && name != "POST" {
			c.fault(ofKey, key, "reads by "+name+", a method that changes something", "use GET, or POST for a search by POST")
		}
	}
	if found != 1 {
		c.fault(ofKey, key, fmt.Sprintf("has %d methods", found), "want one of: GET, POST, PUT, PATCH, DELETE with a path")
	}
	if r.GET.set() && (r.JSON != nil || r.Form != nil) || r.JSON != nil && r.Form != nil {
		c.fault(ofKey, key, "has a body that cannot be sent", "use json or form, and neither with GET")
	}
	c.headers(key+".header", r.Header)
}

// rules checks the meanings of rules.
func (c checker) rules(key string, rules []Rule, words ...string) {
	for i, one := range rules {
		at := fmt.Sprintf("%s[%d]", key, i)
		c.need(at+".if", one.If)
		c.oneOf(at+".is", one.Is, words...)
	}
}

// account checks that accounts can be distinguished.
func (c checker) account() {
	f, a := c.file, c.file.Account
	accounts := f.Create != nil || len(f.Find) > 0 || f.List != nil || f.Show != nil
	switch {
	case a == nil && accounts:
		c.fault(ofKey, "account", "is missing", "say how an account is read: id: item.id, email: item.email; or addressed: true")
	case a == nil:
	case a.Addressed && len(f.Find) > 0:
		c.fault(ofKey, "find", "is not needed: accounts are addressed by our user ids", "remove find, or addressed")
	case !a.Addressed && !a.ID.set():
		c.fault(ofKey, "account.id", "is missing", "set account.id, such as item.id")
	case f.hasStaff() && f.Show == nil:
		c.fault(ofKey, "account.staff", "protects nobody without show", "describe show, the call that reads one account: staff is read before each change")
	}
}

// lookups checks find and create.
func (c checker) lookups() {
	f := c.file
	addressed := f.Account != nil && f.Account.Addressed
	proves := false
	for i := range f.Find {
		c.find(fmt.Sprintf("find[%d]", i), &f.Find[i])
		proves = proves || !f.Find[i].Optional
	}
	if len(f.Find) > 0 && !proves {
		c.fault(ofKey, "find", "never proves that an account is missing: all look-ups are optional", "let one look-up be without optional")
	}
	if f.Create == nil {
		return
	}
	c.request("create", &f.Create.Request, true)
	c.rules("create.answers", f.Create.Answers, isDone, isTaken, isAgain, isPermanent, isUnusable)
	c.oneOf("create.repeat", f.Create.Repeat, "", repeatNever, repeatSafe, repeatKeyed)
	switch {
	case !addressed && len(f.Find) == 0:
		c.fault(ofKey, "create", "has no find: after a lost answer a second account would be made", "describe find, the look-up by e-mail; or set account.addressed: true for an API that knows accounts by our ids")
	case addressed && f.Create.Repeat != repeatSafe && f.Create.Repeat != repeatKeyed:
		c.fault(ofKey, "create.repeat", "is missing: nothing shows whether an addressed account exists", "set repeat: safe if a second call changes the same account, keyed if the vendor drops it")
	}
}

func (c checker) find(key string, s *Find) {
	f := c.file
	c.oneOf(key+".match", s.Match, "", matchEmail, matchUserID)
	c.rules(key+".answers", s.Answers, isDone, isNobody, isAgain, isPermanent, isUnusable)
	a := f.Account
	if a != nil && !a.Addressed && s.Match != matchUserID && !a.Email.set() {
		c.fault(ofKey, "account.email", "is missing: each hit is compared", "set account.email, such as item.email")
	}
	if a != nil && s.Match == matchUserID && !a.UserID.set() {
		c.fault(ofKey, "account.user_id", "is missing: "+key+" matches by user_id", "set account.user_id, such as item.externalId")
	}
	if s.InList {
		c.inList(key, &s.Request)
		return
	}
	c.request(key, &s.Request, false)
	if s.Item.set() == s.Items.set() {
		c.fault(ofKey, key, "needs the account in the answer", "set items, such as answer.body.users, for a search; or item, such as answer.body, for at most one account")
	}
	c.pages(key, s.Pages, s.Items, &s.Request)
}

// inList checks a look-up in list.
func (c checker) inList(key string, r *Request) {
	if method, _ := r.call(); method != "" || c.file.List == nil {
		c.fault(ofKey, key, "has in_list, which reads the accounts by list", "describe list, and write no method here")
	}
}

// pages checks how a list continues.
func (c checker) pages(key string, p *Pages, items Expr, r *Request) {
	if p == nil {
		return
	}
	key += ".pages"
	c.oneOf(key+".by", p.By, byPage, byOffset, byIndex, byCursor, byLink, byPath)
	c.oneOf(key+".until", p.Until, "", untilEmpty, untilShort)
	_, path := r.call()
	switch {
	case !items.set():
		c.fault(ofKey, key, "needs items", "set items, the list in the answer")
	case p.By == byCursor && !p.Next.set():
		c.fault(ofKey, key+".next", "is missing", "set next, the cursor in the answer, such as answer.body.?next_cursor")
	case p.By == byPath && !strings.Contains(path.text, "{page}"):
		c.fault(ofKey, key, "needs {page} in the path", "write it, such as /users/page/{page}")
	case p.Size < 0 || p.Size > 10_000, p.Size == 0 && (p.SizeParam != "" || p.Until == untilShort):
		c.fault(ofKey, key+".size", "is missing or not from 1 to 10000", "set size, the items per page")
	}
}

// readers checks the calls that read.
func (c checker) readers() {
	f := c.file
	readWords := []string{isDone, isGone, isAgain, isPermanent, isUnusable}
	if e := f.Enrolled; e != nil {
		c.request("enrolled", &e.Request, false)
		c.rules("enrolled.answers", e.Answers, readWords...)
		c.need("enrolled.is", e.Is)
		c.pages("enrolled", e.Pages, e.Items, &e.Request)
	}
	if l := f.List; l != nil {
		c.request("list", &l.Request, false)
		c.rules("list.answers", l.Answers, readWords...)
		c.need("list.items", l.Items)
		c.pages("list", l.Pages, l.Items, &l.Request)
	}
	if f.Show != nil && f.Show.InList {
		c.inList("show", &f.Show.Request)
	} else if f.Show != nil {
		c.request("show", &f.Show.Request, false)
		c.rules("show.answers", f.Show.Answers, readWords...)
	}
	if l := f.Courses; l != nil {
		c.request("courses", &l.Request, false)
		c.rules("courses.answers", l.Answers, readWords...)
		c.need("courses.items", l.Items)
		c.need("courses.id", l.ID)
		c.pages("courses", l.Pages, l.Items, &l.Request)
	}
	if f.Check == nil {
		c.fault(ofKey, "check", "is missing", "describe the cheapest call that proves the credentials valid, such as GET: /me")
		return
	}
	c.request("check", f.Check, false)
	c.rules("check.answers", f.Check.Answers, isDone, isAgain, isPermanent, isUnusable)
}

// changes checks the operations that change something.
func (c checker) changes() {
	f := c.file
	for _, o := range f.operations() {
		for i := range *o.calls {
			ch := &(*o.calls)[i]
			key := keyOf(o.name, i, len(*o.calls))
			c.change(key, ch)
			if o.name != "enroll" && (ch.Repeat == "" || ch.Repeat == repeatNever) {
				c.fault(ofKey, key+".repeat", "is missing: Usher may repeat this call", "set repeat: safe if a second call has no further effect, keyed if the vendor drops it, harmless if the effect does no harm; else leave "+o.name+" out")
			}
		}
	}
	if f.Track != nil {
		c.change("track", f.Track)
	}
	if (len(f.Disable) > 0) != (len(f.Enable) > 0) {
		there := "enable"
		if len(f.Disable) > 0 {
			there = "disable"
		}
		c.fault(ofKey, there, "needs the other one of disable and enable", "describe both, or neither")
	}
	if f.Unenroll != nil && f.Enroll == nil {
		c.fault(ofKey, "unenroll", "is there without enroll", "describe enroll")
	}
	if f.Enrolled != nil && f.Enroll == nil {
		c.fault(ofKey, "enrolled", "is there without enroll", "describe enroll")
	}
}

func (c checker) change(key string, ch *Change) {
	c.request(key, &ch.Request, true)
	c.rules(key+".answers", ch.Answers, isDone, isAlready, isGone, isAgain, isPermanent, isUnusable)
	c.oneOf(key+".repeat", ch.Repeat, "", repeatNever, repeatSafe, repeatKeyed, repeatHarmless)
	if ch.Skip.set() && ch.Read == nil {
		c.fault(ofKey, key+".skip", "has no read", "describe read, the call before")
	}
	if ch.Read != nil && ch.Read.InList {
		c.inList(key+".read", &ch.Read.Request)
	} else if ch.Read != nil {
		c.request(key+".read", &ch.Read.Request, false)
		c.rules(key+".read.answers", ch.Read.Answers, isDone, isGone, isAgain, isPermanent, isUnusable)
	}
	if ch.Proof != nil {
		c.request(key+".proof", &ch.Proof.Request, false)
		c.need(key+".proof.is", ch.Proof.Is)
	}
}
