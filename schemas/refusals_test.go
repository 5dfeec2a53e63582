package schemas_test

import "github.com/usherhq/usher/events"

// refusal is what Validate says of a refused sample.
type refusal struct{ pointer, rule string }

// refusals holds, by type and by the sample's file name, what each refused
// sample breaks.
var refusals = map[string]map[string]refusal{
	events.UserCreated: {
		"attributes-list":           {"/data/attributes", "schema:type"},
		"data-list":                 {"/data", "schema:type"},
		"data-missing":              {"/data", "required"},
		"data-text":                 {"/datacontenttype", "media-type"},
		"email-missing":             {"/data/email", "schema:required"},
		"email-no-address":          {"/data/email", "schema:format"},
		"email-no-name":             {"/data/email", "schema:pattern"},
		"first-name-null":           {"/data/first_name", "schema:type"},
		"last-name-too-long":        {"/data/last_name", "schema:maxLength"},
		"locale-not-a-tag":          {"/data/locale", "schema:pattern"},
		"name-in-other-case":        {"/data/User_ID", "name-case"},
		"time-zone-not-a-zone":      {"/data/time_zone", "schema:pattern"},
		"user-id-control-character": {"/data/user_id", "schema:pattern"},
		"user-id-empty":             {"/data/user_id", "schema:minLength"},
		"user-id-missing":           {"/data/user_id", "schema:required"},
		"user-id-number":            {"/data/user_id", "schema:type"},
		"user-id-too-long":          {"/data/user_id", "schema:maxLength"},
	},
	events.UserDeleted: {
		"data-text":                 {"/data", "schema:type"},
		"email-no-address":          {"/data/email", "schema:format"},
		"email-of-another-kind":     {"/data/email", "schema:type"},
		"name-in-other-case":        {"/data/EMAIL", "name-case"},
		"reason-too-long":           {"/data/reason", "schema:maxLength"},
		"user-id-control-character": {"/data/user_id", "schema:pattern"},
		"user-id-empty":             {"/data/user_id", "schema:minLength"},
		"user-id-missing":           {"/data/user_id", "schema:required"},
		"user-id-null":              {"/data/user_id", "schema:type"},
		"user-id-too-long":          {"/data/user_id", "schema:maxLength"},
	},
	events.EnrollmentRequested: {
		"course-id-empty":          {"/data/course_id", "schema:minLength"},
		"course-id-missing":        {"/data/course_id", "schema:required"},
		"course-id-number":         {"/data/course_id", "schema:type"},
		"course-id-too-long":       {"/data/course_id", "schema:maxLength"},
		"email-no-address":         {"/data/email", "schema:format"},
		"ends-on-no-such-day":      {"/data/ends_on", "schema:format"},
		"name-in-other-case":       {"/data/Vendor", "name-case"},
		"starts-on-with-time":      {"/data/starts_on", "schema:format"},
		"two-faults-first-pointer": {"/data/course_id", "schema:type"},
		"user-id-missing":          {"/data/user_id", "schema:required"},
		"vendor-in-capitals":       {"/data/vendor", "schema:pattern"},
	},
	events.ActivityTracked: {
		"name-control-character":  {"/data/name", "schema:pattern"},
		"name-empty":              {"/data/name", "schema:minLength"},
		"name-in-other-case":      {"/data/uſer_id", "name-case"},
		"name-missing":            {"/data/name", "schema:required"},
		"name-too-long":           {"/data/name", "schema:maxLength"},
		"occurred-at-date-only":   {"/data/occurred_at", "schema:format"},
		"occurred-at-leap-second": {"/data/occurred_at", "schema:format"},
		"occurred-at-no-zone":     {"/data/occurred_at", "schema:format"},
		"occurred-at-number":      {"/data/occurred_at", "schema:type"},
		"properties-text":         {"/data/properties", "schema:type"},
		"properties-too-many":     {"/data/properties", "schema:maxProperties"},
		"user-id-missing":         {"/data/user_id", "schema:required"},
	},
}
