package doctor

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"tianguis.example/chassis/settings"
)

// Wrong is a finding for each error of a configuration, the first for each variable.
func Wrong(program string, all []error) []Finding {
	var findings []Finding
	told := map[string]bool{}
	for _, err := range all {
		do := "mend the file, or name another with --config"
		if of, ok := errors.AsType[*settings.VariableError](err); ok {
			if told[of.Variable] {
				continue
			}
			told[of.Variable] = true
			do = fmt.Sprintf("set %s; what it takes: %s config example", of.Variable, program)
		}
		findings = append(findings, Fail(do, "%s", err))
	}
	return findings
}

// SecretFiles warns of files that hold secrets and that everybody on the machine can read: the dotenv file, "" for none, and those
// that <NAME>_FILE names for a secret of the settings.
func SecretFiles(of any, file string) []Finding {
	files := map[string]string{}
	if file != "" {
		files["the configuration file"] = file
	}
	for _, v := range settings.Variables(of) {
		if path := os.Getenv(v.Name + "_FILE"); v.Secret && path != "" {
			files["the file of "+v.Name] = path
		}
	}
	var findings []Finding
	for what, path := range files {
		if readableByOthers(path) {
			findings = append(findings, Warn("chmod 600 "+path, "everybody on this machine can read %s, %s", what, path))
		}
	}
	return findings
}

// PrivateKeyFile warns of a private key that everybody can read, or that others than its owner can write. Its group may read it: that is
// how Kubernetes gives a file to a process.
func PrivateKeyFile(path string) []Finding {
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o027 != 0 {
		return []Finding{Warn("chmod 600 "+path, "the private key %s is open to others: it has mode %04o", path, info.Mode().Perm())}
	}
	return nil
}

// readableByOthers reports whether a file and the folder that it is in are open to everybody.
func readableByOthers(path string) bool {
	file, err := os.Stat(path)
	if err != nil || file.Mode().Perm()&0o004 == 0 {
		return false
	}
	folder, err := os.Stat(filepath.Dir(path))
	return err == nil && folder.Mode().Perm()&0o001 != 0
}

// PlainHTTP warns of an address for browsers that is neither https nor on this machine.
func PlainHTTP(variable, address string) []Finding {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || OnThisMachine(u.Host) {
		return nil
	}
	return []Finding{Warn("set "+variable+" to an https address", "%s is plain http: what browsers send there can be read and changed on the way", variable)}
}

// OnThisMachine reports whether a host, with a port or without, can only be this machine.
func OnThisMachine(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
