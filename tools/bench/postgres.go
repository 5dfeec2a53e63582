package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/usherhq/usher/tools/process"
)

// postgres is a PostgreSQL server of one run. Clients connect by a socket in the directory, which no
// other user may open.
type postgres struct {
	*process.Process

	dir    string
	memory int64 // of all its processes, at the end of the run
}

// postgresPrograms are needed to create and run a database.
var postgresPrograms = []string{"initdb", "postgres"}

// FindPostgres returns the directory of the programs of PostgreSQL: dir, or if dir is empty the one in
// PATH, or the newest of Debian's.
func FindPostgres(dir string) (string, error) {
	places := []string{dir}
	if dir == "" {
		places = filepath.SplitList(os.Getenv("PATH"))
		debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
		slices.SortFunc(debian, func(a, b string) int { return postgresMajor(b) - postgresMajor(a) })
		places = append(places, debian...)
	}
	for _, place := range places {
		complete := !slices.ContainsFunc(postgresPrograms, func(program string) bool {
			_, err := exec.LookPath(filepath.Join(place, program))
			return err != nil
		})
		if complete {
			return filepath.Abs(place)
		}
	}
	if dir != "" {
		return "", fmt.Errorf("--postgres %s: the directory has no %s", dir, strings.Join(postgresPrograms, " and "))
	}
	return "", errors.New("--river needs PostgreSQL: neither PATH nor /usr/lib/postgresql/*/bin has initdb and postgres; install it (Debian: apt-get install postgresql), or use --postgres DIR")
}

// postgresMajor returns the version in a path of Debian.
func postgresMajor(path string) int {
	version, _, _ := strings.Cut(filepath.Base(filepath.Dir(path)), ".")
	n, _ := strconv.Atoi(version)
	return n
}

// postgresVersion returns the version of the programs in a directory.
func postgresVersion(ctx context.Context, dir string) string {
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output() //nolint:gosec // the measured program
	fields := strings.Fields(string(out))                                                      // postgres (PostgreSQL) 15.1 …
	if err != nil || len(fields) < 3 {
		return "unknown"
	}
	return fields[2]
}

// startPostgres starts the server with an empty database, and creates the tables of River. The server
// syncs each commit to the disk. The memory and the interval of checkpoints are those of a tuned server.
func (s *env) startPostgres(ctx context.Context) (err error) {
	// Not below the directory of the run: root's directories are closed to the user of the server.
	dir, err := os.MkdirTemp("", "usher-bench-postgres-")
	if err != nil {
		return err
	}
	defer func() {
		if s.database == nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	owner, err := postgresUser(dir)
	if err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	command := func(program string, args ...string) process.Command {
		return process.Command{Log: s.log(program), Program: filepath.Join(s.config.Postgres, program), Args: args, Dir: dir, User: owner}
	}
	_, err = runToEnd(ctx, command("initdb", "--pgdata="+data, "--username=bench", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"))
	if err != nil {
		return err
	}
	server, err := command("postgres", "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=on", "-c", "synchronous_commit=on",
		"-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB", "-c", "checkpoint_timeout=15min").Start()
	if err != nil {
		return err
	}
	s.database = &postgres{Process: server, dir: dir}
	return s.createTables(ctx)
}

// postgresUser gives the directory to the user of the server, and returns the user. PostgreSQL does not
// run as root, so root uses postgres or nobody; nil: this user.
func postgresUser(dir string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		who, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, int(uid), int(gid))
}

// dsn returns the connection string.
func (p *postgres) dsn() string { return "host=" + p.dir + " user=bench dbname=postgres" }

// remove removes the files of the server, which has ended.
func (p *postgres) remove() error {
	if p == nil {
		return nil
	}
	return os.RemoveAll(p.dir)
}
