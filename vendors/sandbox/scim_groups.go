package sandbox

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// withGroup looks up the group in the path.
func (s *scim) withGroup(next func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if n := positive(r.PathValue("id"), 0); n < 1 || n > scimGroups {
			s.absent(w, r.PathValue("id"))
			return
		}
		next(w, r, r.PathValue("id"))
	}
}

// groupsOf returns the groups of a user.
func (s *scim) groupsOf(u *scimUser) []any {
	groups := []any{}
	for _, e := range s.enrolled {
		if e.Active && e.UserID == u.text() {
			groups = append(groups, object{"value": e.CourseID, "display": "Group " + e.CourseID})
		}
	}
	return groups
}

// group returns a group in SCIM's form. A group without members has no such attribute.
func (s *scim) group(id string, members bool) object {
	out := object{"schemas": []any{scimGroupSchema}, "id": id, "displayName": "Group " + id, "meta": object{"resourceType": "Group"}}
	var list []any
	for _, e := range s.enrolled {
		if e.Active && e.CourseID == id {
			list = append(list, object{"value": e.UserID, "type": "User"})
		}
	}
	if members && len(list) > 0 && s.is("members", "group") {
		out["members"] = list
	}
	return out
}

func (s *scim) showGroup(w http.ResponseWriter, r *http.Request, id string) {
	s.answer(w, http.StatusOK, s.group(id, r.URL.Query().Get("excludedAttributes") != "members"))
}

func (s *scim) listGroups(w http.ResponseWriter, r *http.Request) {
	terms := map[string]string{}
	if filter := r.URL.Query().Get("filter"); filter != "" && !s.is("filter", "ignored") {
		var ok bool
		if terms, ok = scimFilter(filter); !ok {
			s.refuse(w, http.StatusBadRequest, "invalidFilter", "the filter is not supported")
			return
		}
	}
	groups := []any{}
	for n := range scimGroups {
		id := strconv.Itoa(n + 1)
		wanted, byID := terms["id"]
		member, byMember := terms["members.value"]
		if (!byID || wanted == id) && (!byMember || s.place(member, id) >= 0) {
			groups = append(groups, s.group(id, false))
		}
	}
	s.answerList(w, r, groups)
}

// place returns the index of the active enrolment of a user in a group, or -1.
func (s *scim) place(user, group string) int {
	for i, e := range s.enrolled {
		if e.Active && e.UserID == user && e.CourseID == group {
			return i
		}
	}
	return -1
}

// scimMember is the path of one member.
var scimMember = regexp.MustCompile(`^members\[value eq "([^"]*)"\]$`)

func (s *scim) patchGroup(w http.ResponseWriter, r *http.Request, id string) {
	var in scimPatch
	switch {
	case s.is("membership", "501"):
		s.refuse(w, http.StatusNotImplemented, "", "PATCH is not implemented")
		return
	case !decode(r, &in) || len(in.Operations) != 1:
		s.refuse(w, http.StatusBadRequest, "invalidSyntax", "want one operation")
		return
	case s.is("membership", "ignored"):
		w.WriteHeader(http.StatusNoContent)
		return
	}
	o := in.Operations[0]
	member := scimMember.FindStringSubmatch(o.Path)
	list, _ := o.Value.([]any)
	switch {
	case o.Op == "add" && o.Path == "members" && len(list) == 1:
		added, _ := list[0].(object)
		s.addMember(w, text(added["value"]), id)
	case o.Op == "remove" && member != nil:
		s.removeMember(w, member[1], id)
	default:
		s.refuse(w, http.StatusBadRequest, "invalidPath", fmt.Sprintf("%s cannot be made", strings.ToLower(o.Op)))
	}
}

// addMember adds a member, or follows the switch for a repeat.
func (s *scim) addMember(w http.ResponseWriter, user, group string) {
	at := s.place(user, group)
	switch {
	case s.user(user) == nil:
		s.refuse(w, http.StatusBadRequest, "invalidValue", "the member does not exist")
		return
	case at < 0:
		s.enrolled = append(s.enrolled, Enrollment{UserID: user, CourseID: group, Active: true, Applied: 1})
	case s.config.Switches.RepeatEnroll == "error":
		s.enrolled[at].Applied++
		s.refuse(w, http.StatusConflict, "uniqueness", "the member is there")
		return
	default:
		s.enrolled[at].Applied++
	}
	w.WriteHeader(http.StatusNoContent)
}

// removeMember removes a member, or follows the switch for a missing one.
func (s *scim) removeMember(w http.ResponseWriter, user, group string) {
	at := s.place(user, group)
	switch {
	case at >= 0:
		s.enrolled[at].Active = false
		s.enrolled[at].Ended++
	case s.config.Switches.RepeatUnenroll == "error":
		s.refuse(w, http.StatusBadRequest, "noTarget", "the path matches nothing")
		return
	case s.config.Switches.RepeatUnenroll == "404":
		s.refuse(w, http.StatusNotFound, "", "no such member")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
