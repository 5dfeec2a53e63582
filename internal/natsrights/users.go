package natsrights

import "github.com/usherhq/usher/internal/streams"

// worker returns the rights of usher serve with vendors.
func (c Config) worker() []Right {
	list := c.events("events received over HTTP")
	list = append(list, c.results()...)
	list = append(list,
		Right{c.Names.Subject("usher.dead.>"), "dead letters"},
		Right{c.Names.Subject("usher.replay.>"), "dead letters that waited for an account, once the account has come"},
		Right{c.Names.LeaseSubject + ".>", "leases of vendors"},
		Right{c.Names.TimerSubject + ".>", "timers of mailboxes"},
		Right{c.Names.Subject("usher.history.>"), "finished effects"},
		c.stored(streams.AccountsBucket, "the records of users"),
		c.stored(streams.EffectsBucket, ""),
		c.stored(streams.ActivityBucket, "segments of the memory of activities"),
		c.stored(streams.ProfilesBucket, "profiles, for the rules scope and map"),
		c.stored(streams.EmailsBucket, "index of e-mails"),
		c.stored(accountIndex, "index of accounts by user"),
		c.stored(ownership, "committed positions and ownerships"),
		c.stored(streams.ControlBucket, "holds, and the high-water mark of events"),
		c.api("INFO", "", "check for message schedules"),
	)
	read := c.names(streams.EventsStream, streams.ResultsStream, streams.ReplaysStream, streams.DeadLettersStream, timers, leases,
		"KV_"+streams.AccountsBucket, "KV_"+streams.ControlBucket, "KV_"+streams.EffectsBucket, "KV_"+streams.ActivityBucket)
	list = append(list, c.each("STREAM.INFO", "", "state of the streams", append(c.all(), c.former()...))...)
	list = append(list, c.each("STREAM.MSG.GET", "", "read one message or record", c.without(streams.HistoryStream))...)
	list = append(list, c.direct()...)
	list = append(list, c.each("DIRECT.GET", ".>", "read a record, with one replica", c.directBuckets())...)
	list = append(list, c.each("STREAM.MSG.DELETE", "", "remove a finished replay, a dead letter after a successful replay, and the hash of a former e-mail",
		c.names(streams.DeadLettersStream, streams.ReplaysStream, "KV_"+streams.EmailsBucket))...)
	list = append(list, c.each("CONSUMER.INFO", ".*", "state of the consumers", read)...)
	list = append(list, c.each("CONSUMER.NAMES", "", "find the consumers of former owners", c.names(timers))...)
	list = append(list, c.each("CONSUMER.CREATE", ".>", "read a stream", read)...)
	list = append(list, c.each("CONSUMER.DELETE", ".*", "end of reading", read)...)
	list = append(list, c.each("CONSUMER.RESET", ".*", "show the lag, and take activity again after a takeover", c.names(streams.EventsStream))...)
	list = append(list, c.each("CONSUMER.MSG.NEXT", ".*", "fetch messages", read)...)
	return append(list, Right{"$JS.ACK.>", "acknowledge messages"})
}

// results returns the rights to publish results.
func (c Config) results() []Right {
	under := func(kind string) string { return streams.Names{EventPrefix: c.Names.ResultPrefix}.Event(kind) }
	return []Right{{under("user.*.>"), "results"}, {under("enrollment.*.>"), ""}, {under("activity.*.>"), ""}}
}

// former returns the streams of a former version, which had no prefix.
func (c Config) former() []string {
	if c.Names.Prefix != "" {
		return nil
	}
	return []string{"REPLAYS"}
}

// ingest returns the rights of usher serve without vendors, metrics of vendors and the console.
func (c Config) ingest() []Right {
	list := append(c.events("events received over HTTP"),
		Right{c.Names.Subject("usher.dead.webhooks.>"), "deliveries that cannot become an event"})
	list = append(list, c.each("STREAM.INFO", "", "check the stream of events, and the room of both streams", []string{c.Events, c.Names.Stream(streams.DeadLettersStream)})...)
	list = append(list, c.each("STREAM.MSG.GET", "", "compare an event with the first one of the same id", []string{c.Events})...)
	return append(list, c.direct()...)
}

// operator returns the rights of the commands, and of usher serve with the console and without
// vendors.
func (c Config) operator() []Right {
	list := append(c.events("usher send, and test events of the console"),
		Right{c.Names.Subject("usher.replay.>"), "replays of dead letters"},
		Right{c.Names.Subject("usher.dead.>"), "updates of dead letters"},
		Right{c.Names.TimerSubject + ".>", "usher forget: wake the mailbox of the user"},
		Right{c.Names.Subject("usher.audit"), "audit log"},
		c.stored(streams.ControlBucket, "approvals and pauses"),
		c.stored(streams.AccountsBucket, "usher forget"),
		c.stored(streams.EffectsBucket, "usher forget"),
		c.stored(streams.ProfilesBucket, "usher forget"),
		c.stored(accountIndex, "usher forget"),
		c.stored(streams.EmailsBucket, "usher forget"),
		c.api("INFO", "", "usher nats apply"),
	)
	list = append(list, c.migration()...)
	read := c.without(leases, "KV_"+ownership, "KV_"+streams.EmailsBucket)
	list = append(list, c.each("STREAM.INFO", "", "state of the streams", c.all())...)
	list = append(list, c.each("STREAM.CREATE", "", "usher nats apply", c.own())...)
	list = append(list, c.each("STREAM.UPDATE", "", "usher nats apply", c.own())...)
	list = append(list, c.each("STREAM.MSG.GET", "", "read one message", c.all())...)
	list = append(list, c.direct()...)
	list = append(list, c.each("DIRECT.GET", ".>", "read a record, with one replica", append(c.directBuckets(), c.names("KV_"+streams.ActivityBucket)...))...)
	list = append(list, c.each("STREAM.MSG.DELETE", "", "drop a dead letter; usher forget, for a stream of yours with --events only",
		c.names(streams.DeadLettersStream, streams.EventsStream, streams.ReplaysStream, streams.ResultsStream, streams.HistoryStream, "KV_"+streams.EmailsBucket))...)
	list = append(list, c.each("STREAM.PURGE", "", "usher forget, for an empty stream", c.names(streams.ReplaysStream, streams.DeadLettersStream))...)
	list = append(list, c.each("CONSUMER.INFO", ".*", "state of the consumers", read)...)
	list = append(list, c.each("CONSUMER.CREATE", ".>", "usher nats apply, and read a stream", read)...)
	list = append(list, c.each("CONSUMER.DELETE", ".*", "end of reading", read)...)
	list = append(list, c.each("CONSUMER.MSG.NEXT", ".*", "fetch messages", read)...)
	return append(list, c.audit()...)
}

// migration returns the rights of usher nats apply to move the state of a former version.
func (c Config) migration() []Right {
	if c.Names.Prefix != "" {
		return nil
	}
	former := c.former()
	list := []Right{{"usher.moved.>", "migration of a former version, by usher nats apply"}, c.stored(ownership, "migration of the positions")}
	list = append(list, c.each("STREAM.INFO", "", "the work queue of the former version", former)...)
	list = append(list, c.each("STREAM.UPDATE", "", "", former)...)
	list = append(list, c.each("STREAM.DELETE", "", "", former)...)
	list = append(list, c.each("STREAM.MSG.GET", "", "", former)...)
	return append(list, c.each("CONSUMER.INFO", ".*", "", former)...)
}

// audit returns the rights of the operator to the audit log. Nobody may change or remove the
// stream: a short age would erase the log.
func (c Config) audit() []Right {
	if c.Audit != "" {
		c.API = c.Audit
	}
	log := c.names(streams.AuditStream)
	list := c.each("STREAM.INFO", "", "the audit log", log)
	list = append(list, c.each("STREAM.CREATE", "", "", log)...)
	list = append(list, c.each("STREAM.MSG.GET", "", "", log)...)
	list = append(list, c.each("CONSUMER.INFO", ".*", "", log)...)
	list = append(list, c.each("CONSUMER.CREATE", ".>", "", log)...)
	list = append(list, c.each("CONSUMER.DELETE", ".*", "", log)...)
	return append(list, c.each("CONSUMER.MSG.NEXT", ".*", "", log)...)
}
