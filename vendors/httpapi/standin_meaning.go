package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/usherhq/usher/vendors"
)

// answerAs returns an answer with a meaning in the file; otherwise an answer of a status.
func (s *StandIn) answerAs(r route, verdict string, status int) made {
	for _, m := range s.possible(r, verdict) {
		body, err := json.Marshal(m.body)
		if err != nil {
			continue
		}
		if m.status == http.StatusNoContent {
			body = nil
		}
		header := http.Header{}
		for name, value := range m.header {
			header.Set(name, value)
		}
		q := request{op: r.op, call: r.call, scope: s.engine.scope(map[string]any{"read": nil}), goneBy404: verdict == isGone}
		out := s.engine.judge(q, vendors.Response{Status: m.status, Header: header, Body: body})
		if out.verdict == verdict || verdict == isDone && out.verdict == "" && m.status < 300 && s.engine.readable(out) == nil {
			return m
		}
	}
	if verdict == isAlready {
		return s.success(r)
	}
	return made{status: status, body: map[string]any{"message": "no rule of the file says " + verdict}}
}

// finished returns an answer of success that fulfils done of every call that the request may be.
func (s *StandIn) finished(x sent, m made) made {
	for _, r := range s.routes {
		if r.call.Done.set() && m.status < 300 && m.status != http.StatusNoContent && r.score(x) >= 0 && !s.isDone(r, m) {
			m.body = s.doneBody(r, m)
		}
	}
	return m
}

// doneBody returns the body of an answer with another member, such that done holds.
func (s *StandIn) doneBody(r route, m made) any {
	for _, c := range chainsOf(r.call.Done, "answer") {
		for _, candidate := range candidates(r.call.Done) {
			if len(c) < 3 || c[1].name != "body" {
				continue
			}
			full := m
			if full.body = assign(copyOf(m.body), c[2:], candidate); s.isDone(r, full) {
				return full.body
			}
		}
	}
	return m.body
}

// isDone reports whether the file calls an answer a success.
func (s *StandIn) isDone(r route, m made) bool {
	body, err := json.Marshal(m.body)
	out := s.engine.judge(request{op: r.op, call: r.call, scope: s.engine.scope(map[string]any{"read": nil})}, vendors.Response{Status: m.status, Body: body})
	return err == nil && s.engine.readable(out) == nil
}

// possible returns answers that may have a meaning: by status, and with the members of its rules.
func (s *StandIn) possible(r route, verdict string) (all []made) {
	statuses := []int{http.StatusConflict, http.StatusNotFound, http.StatusGone, http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusOK}
	if verdict == isDone {
		statuses = []int{http.StatusOK, http.StatusCreated, http.StatusNoContent}
	}
	for _, status := range statuses {
		all = append(all, made{status: status, body: map[string]any{}})
	}
	conditions := []Expr{r.call.Done}
	for _, rule := range slices.Concat(r.call.Answers, s.engine.file.Answers) {
		if rule.Is == verdict {
			conditions = append(conditions, rule.If)
		}
	}
	for _, e := range conditions {
		if e.program == nil {
			continue
		}
		for _, candidate := range candidates(e) {
			for _, status := range statuses {
				all = append(all, made{status: status, body: map[string]any{"message": candidate}})
				for _, c := range chainsOf(e, "answer") {
					if len(c) > 2 && c[1].name == "body" {
						all = append(all, made{status: status, body: assign(nil, c[2:], candidate)})
					}
				}
			}
		}
	}
	return all
}
