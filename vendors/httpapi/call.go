package httpapi

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/usherhq/usher/internal/expression"
	"github.com/usherhq/usher/vendors"
)

// engine makes the calls of a file.
type engine struct {
	file   *File
	calls  *vendors.Client
	set    map[string]any // settings
	needs  needs          // of the expressions of the file
	proven []flag         // by look-up: whether the control was shown
}

// request is one call to be made.
type request struct {
	op     string // for errors, such as create
	call   *Request
	scope  *scope
	repeat string // of a change
	reads  bool   // whether the call changes nothing
	query  url.Values
	items  int // requested items; 0 if unknown
	// further marks a page behind the first.
	further bool
	// goneBy404 makes 404 and 410 the verdict gone, unless a rule fits.
	goneBy404 bool
	// proof is the expression of a proof: true for an answer of any status is success.
	proof   Expr
	control func(context.Context) error
	noAuth  bool
}

// reply is the answer to a call, with the meaning by the rules of the file.
type reply struct {
	request request
	path    string // below base_url
	status  int
	header  http.Header
	verdict string // of a rule; "" without one
	empty   bool   // no content
	problem error  // of a body that is no JSON
	scope   *scope // with answer
	limit   error  // an expression over the limit of cost
}

// repeatable reports whether the call may be made again.
func (r request) repeatable() bool {
	return r.reads || slices.Contains([]string{repeatSafe, repeatKeyed, repeatHarmless}, r.repeat)
}

// do makes a call. A rule that says done, already, taken, gone or nobody makes any answer a
// success with that verdict.
func (e *engine) do(ctx context.Context, r request) (reply, error) {
	call, err := e.prepare(r)
	if err != nil {
		return reply{}, vendors.Fail(e.file.Name, r.op, err.Error())
	}
	out := reply{request: r}
	call.Judge = func(res vendors.Response) (vendors.Class, bool) {
		out = e.judge(r, res)
		out.path = call.Path
		return out.class()
	}
	err = e.calls.Do(ctx, call)
	switch {
	case out.verdict == isDone || out.verdict == isAlready || out.verdict == isTaken || out.verdict == isGone || out.verdict == isNobody:
		if err == nil || vendors.StatusOf(err) == out.status {
			return out, nil
		}
	case err == nil:
		return out, e.readable(out)
	case vendors.IsGone(err) && r.control != nil && out.status < 300:
		out.verdict = isGone
		return out, nil
	}
	return out, err
}

// readable returns an error for an answer of success that the file does not call one.
func (e *engine) readable(out reply) error {
	done := out.request.call.Done
	switch {
	case out.limit != nil:
		return e.unreadable(out, "the rules for the answer "+out.limit.Error())
	case !done.set() || out.empty:
		return nil
	case out.problem != nil:
		return e.unreadable(out, out.problem.Error())
	}
	yes, err := out.scope.holds(done)
	if err == nil && !yes {
		err = fmt.Errorf("the answer does not show success: %s does not hold", done.text)
	}
	if err != nil {
		return e.unreadable(out, err.Error())
	}
	return nil
}

// unreadable returns the error of an answer of success that cannot be understood.
func (e *engine) unreadable(out reply, message string) *vendors.Error {
	return &vendors.Error{Vendor: e.file.Name, Op: out.request.op, Status: out.status, Unreadable: true, Unknown: !out.request.repeatable(), Message: message}
}

// judge gives an answer the meaning of the first rule that fits.
func (e *engine) judge(r request, res vendors.Response) reply {
	out := reply{request: r, status: res.Status, header: res.Header, empty: len(res.Body) == 0 || string(res.Body) == "null"}
	answer := map[string]any{"status": int64(res.Status), "body": nil}
	if e.needs.header {
		answer["header"] = headerOf(res.Header)
	}
	if !out.empty {
		body, err := vendors.ParseJSON(res.Body, r.items)
		if out.problem = err; err == nil {
			answer["body"] = expression.Numbers(body)
		}
	}
	if e.needs.text {
		answer["text"] = strings.ToValidUTF8(string(res.Body), "\uFFFD")
	}
	out.scope = r.scope.with("answer", answer)
	if r.proof.set() {
		if yes, _ := out.scope.holds(r.proof); yes {
			out.verdict = isDone
			return out
		}
	}
	for _, rules := range [][]Rule{r.call.Answers, e.file.Answers} {
		for _, rule := range rules {
			yes, err := out.scope.holds(rule.If)
			if err != nil {
				out.limit = err
			}
			if yes {
				out.verdict = rule.Is
				return out
			}
		}
	}
	if r.goneBy404 && (res.Status == http.StatusNotFound || res.Status == http.StatusGone) {
		out.verdict = isGone
	}
	return out
}

// body returns the body of the answer.
func (o reply) body() any {
	answer, _ := o.scope.vars["answer"].(map[string]any)
	return answer["body"]
}

// class returns the class of an answer for the client. An answer with another verdict than a
// failure is not repeated.
func (o reply) class() (vendors.Class, bool) {
	switch o.verdict {
	case "":
		return vendors.Again, false
	case isAgain:
		return vendors.Again, true
	case isUnusable:
		return vendors.Unusable, true
	case isPermanent:
		return vendors.Permanent, true
	}
	return vendors.Permanent, o.status > 299
}

// headerOf returns the headers with names in lower case.
func headerOf(h http.Header) map[string]any {
	out := make(map[string]any, len(h))
	for name, values := range h {
		out[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return out
}

// prepare evaluates the parts of a call.
func (e *engine) prepare(r request) (vendors.Call, error) {
	method, template := r.call.call()
	path, err := r.scope.path(template)
	if err != nil {
		return vendors.Call{}, err
	}
	call := vendors.Call{
		Op: r.op, Method: method, Path: path, Repeatable: r.repeatable(), Deduplicated: r.repeat == repeatKeyed, Reads: r.reads,
		Once: method == http.MethodGet && !r.repeatable(), Further: r.further, Items: r.items, Control: r.control, NoAuth: r.noAuth,
	}
	if call.Query, err = e.values(r, r.call.Query, false); err != nil {
		return call, err
	}
	for name, list := range r.query {
		call.Query[name] = list
	}
	if call.Header, err = e.header(r, r.call.JSON != nil); err != nil {
		return call, err
	}
	if r.call.Form != nil {
		call.Form, err = e.values(r, r.call.Form, true)
	}
	if r.call.JSON != nil {
		call.JSON, err = r.scope.value(*r.call.JSON)
	}
	return call, err
}

// values returns a query or a form, with the part of every call.
func (e *engine) values(r request, own map[string]Value, form bool) (url.Values, error) {
	out, err := r.scope.values(own)
	if out == nil {
		out = url.Values{}
	}
	if err != nil || e.file.Each == nil || r.noAuth {
		return out, err
	}
	every := e.file.Each.Query
	if form {
		every = e.file.Each.Form
	}
	more, err := r.scope.values(every)
	maps.Copy(out, more)
	return out, err
}

// header returns the headers of a call.
func (e *engine) header(r request, sendsJSON bool) (http.Header, error) {
	h := http.Header{}
	if e.file.Media != "" {
		h.Set("Accept", e.file.Media)
		if sendsJSON {
			h.Set("Content-Type", e.file.Media)
		}
	}
	parts := []map[string]Expr{r.call.Header}
	if e.file.Each != nil && !r.noAuth {
		parts = append([]map[string]Expr{e.file.Each.Header}, parts...)
	}
	for _, part := range parts {
		for name, value := range part {
			text, err := r.scope.text(value)
			if err != nil {
				return nil, err
			}
			if text != "" {
				h.Set(name, text)
			}
		}
	}
	return h, nil
}

// scope returns the variables of a call, with the settings.
func (e *engine) scope(vars map[string]any) *scope {
	if vars == nil {
		vars = map[string]any{}
	}
	vars["set"] = e.set
	return newScope(vars)
}
