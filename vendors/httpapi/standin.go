package httpapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// StandIn is a fake vendor made from a file: it answers the calls of the file as the file says, and
// keeps accounts and enrolments. A second creation makes a second account, so that a rule of "once"
// that is missing shows. A StandIn is safe for concurrent use.
type StandIn struct {
	engine *engine
	routes []route
	// Strict refuses a second account with the same e-mail.
	Strict bool

	mu       sync.Mutex
	accounts map[string]*kept // by id
	deleted  []*kept
	members  map[string]int // enrolments made, by course and account
	left     map[string]int // enrolments ended, by course and account
	tracked  []StandInActivity
	last     int
	before   map[string]string // of the last call read: an enrolment with an id of its own names no account
	problems map[string]bool
}

// The account of the controls of look-ups.
const (
	controlID    = "999"
	controlEmail = "control@example.org"
)

// firstID is the first id of an account at a stand-in.
const firstID = 1000

// NewStandIn returns a stand-in without accounts.
func NewStandIn(f *File) *StandIn {
	s := &StandIn{
		engine: &engine{file: f, set: testValues(f, ""), needs: f.needs(), proven: make([]flag, len(f.Find))}, last: firstID,
		accounts: map[string]*kept{}, members: map[string]int{}, left: map[string]int{}, problems: map[string]bool{},
	}
	s.routes = routesOf(f)
	if slices.ContainsFunc(f.Find, func(one Find) bool { return one.Control.set() }) {
		s.accounts[controlID] = &kept{id: controlID, email: controlEmail, fields: map[string]any{}}
	}
	return s
}

// Problems returns the requests that the file does not describe, and the answers that could not be
// made from the file.
func (s *StandIn) Problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.problems))
}

// ServeHTTP answers a call of the file.
func (s *StandIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent, err := readSent(r)
	if err != nil {
		say(w, made{status: http.StatusBadRequest, body: map[string]any{"message": err.Error()}})
		return
	}
	if strings.HasSuffix(r.URL.Path, tokenPath) {
		say(w, made{status: http.StatusOK, body: map[string]any{"access_token": "stand-in-token", "expires_in": 3600}})
		return
	}
	route, known := bestRoute(s.routes, sent)
	if !known {
		s.problems[fmt.Sprintf("%s %s is no call of the file", r.Method, r.URL.Path)] = true
		say(w, made{status: http.StatusNotFound, body: map[string]any{"message": "no such call"}})
		return
	}
	say(w, s.finished(sent, s.answer(route, sent)))
}

// called returns the call of the file that a request is. The body stays readable.
func (s *StandIn) called(r *http.Request) (route, bool) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return route{}, false
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	x, err := readSent(r)
	r.Body = io.NopCloser(bytes.NewReader(text))
	found, known := bestRoute(s.routes, x)
	return found, known && err == nil
}

// Reads reports whether a call changes nothing, by the file.
func (s *StandIn) Reads(r *http.Request) bool {
	route, known := s.called(r)
	return known && slices.Contains([]string{"find", "list", "show", "courses", "enrolled", "check", "read", "proof"}, route.op)
}

// Operation returns the operation of a call with the call in the file, such as "create: POST /users";
// "" for a request that the file does not describe.
func (s *StandIn) Operation(r *http.Request) string {
	if strings.HasSuffix(r.URL.Path, tokenPath) {
		return "token: " + r.Method + " " + tokenPath
	}
	if route, known := s.called(r); known {
		return route.label()
	}
	return ""
}

// Creations returns the operations that create accounts, as Operation does.
func (s *StandIn) Creations() (all []string) {
	for _, r := range s.routes {
		if r.op == "create" {
			all = append(all, r.label())
		}
	}
	return all
}

// tokenPath ends the path of the token endpoint of OAuth 2 of a stand-in.
const tokenPath = "/stand-in/oauth/token" //nolint:gosec // a path of a stand-in

// made is an answer of a stand-in.
type made struct {
	status int
	header map[string]string
	body   any
}

func say(w http.ResponseWriter, m made) {
	for name, value := range m.header {
		w.Header().Set(name, value)
	}
	if m.status == http.StatusNoContent {
		w.WriteHeader(m.status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(m.status)
	_ = json.NewEncoder(w).Encode(m.body)
}

// sent is a request at a stand-in.
type sent struct {
	method, path string
	query, form  url.Values
	body         any
}

func readSent(r *http.Request) (sent, error) {
	out := sent{method: r.Method, path: strings.TrimRight(r.URL.EscapedPath(), "/"), query: r.URL.Query()}
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil || len(text) == 0 {
		return out, err
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		out.form, err = url.ParseQuery(string(text))
		return out, err
	}
	return out, json.Unmarshal(text, &out.body)
}

// answer carries out a call.
func (s *StandIn) answer(r route, x sent) made {
	found := r.extract(x)
	if r.of != nil && r.of.Read != nil && r.op != "read" {
		for name, value := range s.before {
			found[name] = cmp.Or(found[name], value)
		}
	}
	switch r.op {
	case "login":
		l := s.engine.file.Auth.Login
		return s.with(http.StatusOK, fill{l.Token, "stand-in-token"}, fill{l.ExpiresIn, 3600})
	case "create":
		return s.create(r, x, found)
	case "find", "list", "check":
		return s.search(r, x, found)
	case "courses":
		c := s.engine.file.Courses
		one := assign(assign(nil, tail(c.ID), 101), tail(c.Name), "Algebra")
		return s.with(http.StatusOK, fill{c.Items, []any{one}}, fill{c.Total, 1})
	case "enrolled":
		return s.enrolled(found)
	case "track":
		s.track(found)
		return s.success(r)
	}
	return s.change(r, x, found)
}

// change carries out a call for one account.
func (s *StandIn) change(r route, x sent, found map[string]string) made {
	a := s.accounts[plainID(found["account.id"])]
	if a == nil && found["account.email"] != "" {
		a = s.byEmail(found["account.email"])
	}
	if a == nil && s.engine.file.Account.isAddressed() {
		a = s.keep(found["user.id"], x, found)
	}
	if a == nil {
		return s.answerAs(r, isGone, http.StatusNotFound)
	}
	switch r.op {
	case "show", "proof":
		return s.with(http.StatusOK, fill{r.item, s.object(a)})
	case "read":
		s.before = found
		return s.read(r, found)
	case "update":
		if email := found["user.email"]; email != "" {
			a.email = email
		}
		a.merge(x)
		a.updates++
	case "delete":
		a.deletes++
		s.deleted = append(s.deleted, a)
		delete(s.accounts, a.id)
		return made{status: http.StatusNoContent}
	case "disable", "enable":
		a.merge(x)
		a.off = r.op == "disable"
	case "enroll":
		if s.Strict && s.members[memberKey(found)] > 0 {
			return s.answerAs(r, isAlready, http.StatusOK)
		}
		s.members[memberKey(found)]++
	case "unenroll":
		if s.members[memberKey(found)] == 0 {
			return s.answerAs(r, isAlready, http.StatusOK)
		}
		delete(s.members, memberKey(found))
		s.left[memberKey(found)]++
	}
	return s.success(r)
}

func (s *StandIn) create(r route, x sent, found map[string]string) made {
	f := s.engine.file
	if f.Account.isAddressed() {
		s.keep(found["user.id"], x, found)
		return s.success(r)
	}
	if s.Strict && s.byEmail(found["user.email"]) != nil {
		return s.answerAs(r, isTaken, http.StatusConflict)
	}
	s.last++
	a := s.keep(strconv.Itoa(s.last), x, found)
	if !f.Create.Item.set() {
		return s.success(r)
	}
	return s.with(http.StatusCreated, fill{f.Create.Item, s.object(a)})
}

// success returns an answer of success that the file calls one.
func (s *StandIn) success(r route) made {
	return s.answerAs(r, isDone, http.StatusOK)
}
