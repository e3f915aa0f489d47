package attacks

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"tianguis.example/stack"
)

// uploadMax is how large a file may be, in bytes, while the services are under attack.
const uploadMax = 64 << 10

// sent is a file of a form, under the name that its sender gives it.
type sent struct{ name, content string }

// handIn is a form with files as the worker's browser sends it, its proof first.
func handIn(job int64, as *visitor, text string, files ...sent) shot {
	return handInWith(job, as, as.csrf, text, files...)
}

// handInWith is the same with another proof; "" for none.
func handInWith(job int64, as *visitor, csrf, text string, files ...sent) shot {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	field := func(disposition, content string) {
		part, err := form.CreatePart(textproto.MIMEHeader{"Content-Disposition": {disposition}})
		if err == nil {
			_, _ = part.Write([]byte(content)) // into a buffer
		}
	}
	if csrf != "" {
		field(`form-data; name="csrf"`, csrf)
	}
	field(`form-data; name="text"`, text)
	for _, f := range files {
		field(`form-data; name="files"; filename="`+f.name+`"`, f.content)
	}
	_ = form.Close() // a buffer takes it
	return shot{
		program: stack.Marketplace, method: http.MethodPost, path: fmt.Sprintf("/jobs/%d/submit", job), body: body.String(), as: as,
		header: http.Header{"Content-Type": {form.FormDataContentType()}},
	}
}

// polyglot is a picture by its first bytes, and a page with a script by the others.
const polyglot = "GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00/*<html><script>alert(1)</script></html>*/"

// handOver brings one job to where its work can be handed in, and another beyond it, with a file that is not what its name says.
func (s *siege) handOver(ctx context.Context) (err error) {
	if s.working, err = s.chosen(ctx, "Forty crates"); err != nil {
		return err
	}
	if s.handed, err = s.chosen(ctx, "Forty more"); err != nil {
		return err
	}
	if _, err = s.mustRedirect(ctx, handIn(s.handed, s.worker, "Done.", sent{`..\..\../../etc/evil.html`, polyglot})); err != nil {
		return err
	}
	page, err := s.payer.Browser.Open(ctx, s.stack.Marketplace.Address+fmt.Sprintf("/jobs/%d", s.handed))
	if err != nil {
		return err
	}
	prefix := fmt.Sprintf("/jobs/%d/files/", s.handed)
	for _, attribute := range []string{"href", "src"} {
		if s.file = page.Document.Find("["+attribute+`^="`+prefix+`"]`).First().AttrOr(attribute, ""); s.file != "" {
			s.file = strings.TrimPrefix(s.file, prefix)
			return nil
		}
	}
	return fmt.Errorf("the job's page does not show the file that was handed in")
}

// chosen is a job of the payer's for which the worker was chosen.
func (s *siege) chosen(ctx context.Context, title string) (int64, error) {
	made, err := s.mustRedirect(ctx, postOurs("/jobs/new", url.Values{
		"title": {title}, "description": {"From the lorry to the stalls."}, "amount": {"15.00"}, "asset": {"MXN"}, "max_applications": {"1"}, "recruit_days": {"7"}, "submit_days": {"7"},
	}, s.payer))
	if err != nil {
		return 0, err
	}
	for _, step := range []struct {
		action string
		form   url.Values
		who    *visitor
	}{{"publish", nil, s.payer}, {"apply", url.Values{"text": {"Me"}}, s.worker}} {
		if _, err := s.mustRedirect(ctx, postOurs(made+"/"+step.action, step.form, step.who)); err != nil {
			return 0, err
		}
	}
	var id int64
	if _, err := fmt.Sscanf(made, "/jobs/%d", &id); err != nil {
		return 0, err
	}
	page, err := s.payer.Browser.Open(ctx, s.stack.Marketplace.Address+made)
	if err != nil {
		return 0, err
	}
	if page.Document.Find("input[name=worker]").Length() == 0 { // it closes by itself only when it is full
		if _, err := s.mustRedirect(ctx, postOurs(made+"/close", nil, s.payer)); err != nil {
			return 0, err
		}
		if page, err = s.payer.Browser.Open(ctx, s.stack.Marketplace.Address+made); err != nil {
			return 0, err
		}
	}
	worker := page.Document.Find("input[name=worker]").First().AttrOr("value", "")
	_, err = s.mustRedirect(ctx, postOurs(made+"/select", url.Values{"worker": {worker}}, s.payer))
	return id, err
}

// atFile is a request for the file that was handed in, as if it were of a job.
func atFile(s *siege, job int64, as *visitor) shot {
	return get(fmt.Sprintf("/jobs/%d/files/%s", job, s.file), as)
}

var (
	notTaken = Refusal{http.StatusUnprocessableEntity, "cannot be handed in"}
	tell422  = []Line{{stack.Marketplace, "status", "422"}}
)

var uploadAttacks = []Attack{
	{
		ID: "upload-type", Title: "Pages, drawings with scripts, programs and archives under the name of a picture", By: Worker, Aim: Account,
		Refused: []Refusal{notTaken}, Told: tell422,
		Try: fired(func(s *siege) (all []shot) {
			for _, content := range []string{
				"<html><script>alert(1)</script></html>", "\ufeff<!DOCTYPE html><script>alert(1)</script>", `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`,
				"PK\x03\x04\x14\x00\x00\x00\x08\x00", "MZ\x90\x00\x03\x00\x00\x00", "\x7fELF\x02\x01\x01\x00", "\x1f\x8b\x08\x00\x00\x00\x00\x00", "\x00asm\x01\x00\x00\x00", "\xff\xfe<\x00h\x00t\x00m\x00l\x00>\x00", "text\x00with more behind it", "\xcf\xfa\xed\xfe\x07\x00\x00\x01",
			} {
				all = append(all, handIn(s.working, s.worker, "Done.", sent{"picture.png", content}))
			}
			return all
		}),
	},
	{
		ID: "upload-one-bad", Title: "A bad file after a good one, so that the good one is handed in or left behind", By: Worker, Aim: Service,
		Refused: []Refusal{notTaken}, Told: tell422,
		Try: fired(func(s *siege) []shot {
			return []shot{handIn(s.working, s.worker, "Done.", sent{"notes.txt", "Four pallets."}, sent{"picture.png", "PK\x03\x04\x14\x00"})}
		}),
	},
	{
		ID: "upload-name", Title: "Names of files that lead out of their folder, end a header, or turn the writing around", By: Worker, Aim: Inside,
		Refused: []Refusal{notTaken}, Told: tell422,
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			var shots []shot
			for _, name := range []string{`../../../../tmp/x.png`, `..\..\x.png`, "/etc/cron.d/x", `C:\Windows\x.png`, "gnp.\u202eexe", "<script>alert(1)</script>.png", strings.Repeat("x", 5000) + ".png", ".htaccess", "con"} {
				shots = append(shots, handIn(s.working, s.worker, "Done.", sent{name, "PK\x03\x04\x14\x00"}))
			}
			all, err := s.fire(ctx, shots...)
			for _, got := range all {
				for _, bad := range []string{"../", `..\`, "\u202e", "<script>alert", "/etc/"} {
					if err == nil && strings.Contains(got.text, bad) {
						err = fmt.Errorf("a page shows a name of a file as it came: %s", got.what)
					}
				}
			}
			return all, err
		},
	},
	{
		ID: "upload-polyglot", Title: "A picture that is a page too, called evil.html: served as the picture that it began as, for a browser that looks for nothing else", By: Worker, Aim: Account,
		Refused: []Refusal{{http.StatusOK, "Content-Type: image/gif"}}, Told: tellPage,
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			all, err := s.fire(ctx, atFile(s, s.handed, s.payer), atFile(s, s.handed, s.worker))
			for _, got := range all {
				for _, needed := range []string{"X-Content-Type-Options: nosniff", "Content-Security-Policy: default-src 'none'; sandbox", "Cross-Origin-Resource-Policy: same-origin", `filename=evil.html.gif`} {
					if err == nil && !strings.Contains(got.text, needed) {
						err = fmt.Errorf("a file is served without %s: %s", needed, got)
					}
				}
			}
			return all, err
		},
	},
	{
		ID: "upload-of-others", Title: "A file of somebody else's work: by its number, by another job's, by a path", By: Customer, Aim: Privacy,
		Refused: []Refusal{noPage, {http.StatusSeeOther, "Location: /login"}}, Told: []Line{{stack.Marketplace, "status", "404"}, {stack.Marketplace, "status", "303"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			shots := []shot{atFile(s, s.handed, s.other), atFile(s, s.planted, s.other), atFile(s, s.working, s.worker), atFile(s, s.due, s.payer), atFile(s, s.handed, nil)}
			for _, id := range []string{"..%2f..%2fmarketplace.db", "%00", strings.ToLower(s.file), s.file + ".new", s.file + "%2f.."} {
				shots = append(shots, get(fmt.Sprintf("/jobs/%d/files/%s", s.handed, id), s.worker))
			}
			return s.fire(ctx, shots...)
		},
	},
	{
		ID: "upload-for-others", Title: "Work handed in for a job of others, and a second time for one that has been", By: Customer, Aim: Money,
		Refused: []Refusal{noPage, {http.StatusForbidden, ""}, {http.StatusConflict, ""}}, Told: []Line{{stack.Marketplace, "status", "40"}},
		Try: fired(func(s *siege) []shot {
			file := sent{"a.txt", "mine"}
			return []shot{handIn(s.working, s.other, "Mine.", file), handIn(s.working, s.payer, "Mine.", file), handIn(s.handed, s.worker, "Again.", file), handIn(999999, s.worker, "x", file)}
		}),
	},
	{
		ID: "upload-csrf", Title: "The form with files sent by another site: without its proof, with another's, with it behind the files", By: Site, Aim: Money,
		Refused: []Refusal{foreignForm}, Told: tellForeign,
		Try: fired(func(s *siege) []shot {
			file := sent{"a.txt", "mine"}
			behind := handInWith(s.working, s.worker, "", "Done.", file)
			end := strings.LastIndex(behind.body, "--\r\n")
			boundary := strings.TrimPrefix(strings.Split(behind.body, "\r\n")[0], "--")
			behind.body = behind.body[:end] + "\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n" + s.worker.csrf + "\r\n--" + boundary + "--\r\n"
			inAddress := handInWith(s.working, s.worker, "", "Done.", file)
			inAddress.path += "?csrf=" + s.worker.csrf
			return []shot{handInWith(s.working, s.worker, "", "Done.", file), handInWith(s.working, s.worker, s.other.csrf, "Done.", file), behind, inAddress}
		}),
	},
	{
		ID: "upload-too-much", Title: "Too many files, one that is too large, and more than all may be, with and without its length", By: Worker, Aim: Service,
		Refused: []Refusal{{http.StatusUnprocessableEntity, "too many files"}, {http.StatusUnprocessableEntity, "too large"}, {http.StatusRequestEntityTooLarge, ""}, {0, ""}},
		Told:    []Line{{stack.Marketplace, "status", "422"}, {stack.Marketplace, "security", "too_large"}, {stack.Marketplace, "status", "413"}},
		Try: fired(func(s *siege) []shot {
			text := func(n int) sent { return sent{"a.txt", strings.Repeat("x", n)} }
			many := make([]sent, 6)
			for i := range many {
				many[i] = text(1)
			}
			endless := handIn(s.working, s.worker, "Done.", text(4<<20))
			endless.chunked = true
			return []shot{
				handIn(s.working, s.worker, "Done.", many...), handIn(s.working, s.worker, "Done.", text(uploadMax+1)), handIn(s.working, s.worker, "Done.", text(uploadMax), text(uploadMax), text(1)),
				handIn(s.working, s.worker, "Done.", text(4<<20)), endless,
			}
		}),
	},
	{
		ID: "upload-torn", Title: "A form with files that breaks off, or has a thousand parts", By: Worker, Aim: Service,
		Refused: []Refusal{{http.StatusBadRequest, ""}, {http.StatusUnprocessableEntity, ""}}, Told: []Line{{stack.Marketplace, "status", "400"}, {stack.Marketplace, "status", "422"}},
		Try: fired(func(s *siege) []shot {
			whole := handIn(s.working, s.worker, "Done.", sent{"a.txt", "half"})
			half := whole
			half.body = half.body[:strings.LastIndex(half.body, "half")+2]
			many := make([]sent, 1000)
			for i := range many {
				many[i] = sent{"", ""}
			}
			return []shot{
				half, handIn(s.working, s.worker, "Done.", many...),
			}
		}),
	},
}
