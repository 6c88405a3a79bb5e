/* Multipart bodies, good ones with the events they give, bad ones with a piece of what is said of them. */
#ifndef MULTIPART_BODIES_H
#define MULTIPART_BODIES_H

#define H(name) "Content-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define D "\r\n--XyZ"
#define END "\r\n--XyZ--\r\n"

typedef struct {
    const char *body, *expected;
} good_row;

static const good_row good[] = {
    {"--XyZ\r\n" H("a") "1" D "\r\n" H("b") "two" END, "[a|-|-:1][b|-|-:two]"},
    {"preamble\r\nmore\r\n--XyZ\r\n" H("a") "1" END "epilogue\r\n--XyZ\r\n--", "[a|-|-:1]"},
    {"--XyZ--", ""},
    {"\r\n--XyZ--", ""},
    /* Bodies: empty, without even a line end, made of line ends. */
    {"--XyZ\r\n" H("a") END, "[a|-|-:]"},
    {"--XyZ\r\n" H("a") "--XyZ--", "[a|-|-:]"},
    {"--XyZ\r\n" H("a") "\r\n\r\n" END, "[a|-|-:\r\n\r\n]"},
    {"--XyZ\r\n" H("a") "\r" END, "[a|-|-:\r]"},
    {"--XyZ\r\n" H("a") "\n" END, "[a|-|-:\n]"},
    /* False starts of the delimiter. Red: a match that fails not passed on, or passed on with its implied
       line end. */
    {"--XyZ\r\n" H("a") "\r\n--Xy\r\n--XyZ--", "[a|-|-:\r\n--Xy]"},
    {"--XyZ\r\n" H("a") "\r\n--X\r\n--Xy\r\r\n\r\n-\r\n--\r\r\n--xyz\r\n --XyZ --XyZ\n--XyZ" END,
     "[a|-|-:\r\n--X\r\n--Xy\r\r\n\r\n-\r\n--\r\r\n--xyz\r\n --XyZ --XyZ\n--XyZ]"},
    {"--XyZ\r\n" H("a") "--Xy" END, "[a|-|-:--Xy]"},
    {"--XyZ\r\n" H("a") "-" END, "[a|-|-:-]"},
    {"--Xy\r\r\n--XyZ\r\n" H("a") "\r\r\r\r" END, "[a|-|-:\r\r\r\r]"},
    /* Padding by a gateway. */
    {"--XyZ \t \r\n" H("a") "1" D " \r\n" H("b") "2" D "--  \r\n", "[a|-|-:1][b|-|-:2]"},
    /* Headers: case, order, blanks, unknown ones, quoting as browsers and curl do it. */
    {"--XyZ\r\ncontent-type:  image/JPEG \r\nX-Odd: \xc3\xa9\r\nCONTENT-DISPOSITION:form-data ; "
     "filename=a.jpg;NAME=f"
     "\r\n\r\n.." END,
     "[f|a.jpg|image/JPEG:..]"},
    {"--XyZ\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a \\\"b\\\\c\\d;=%22%0D%0A.jpg\"; "
     "filename*=UTF-8''%e2%82%ac.jpg; size=3\r\n\r\n.." END,
     "[f|a \"b\\c\\d;=%22%0D%0A.jpg|-:..]"},
    {"--XyZ\r\nContent-Disposition: form-data; name=\"\xc3\xa9\"; "
     "filename=\"\"\r\nContent-Transfer-Encoding: BINARY"
     "\r\n\r\n.." END,
     "[\xc3\xa9||-:..]"},
    {"--XyZ\r\nContent-Disposition: form-data; name=f;; filename=\"../../etc/passwd\";\r\n\r\n.." END,
     "[f|../../etc/passwd|-:..]"},
};

#define CD "Content-Disposition: form-data"
#define PART(headers) "--XyZ\r\n" headers "\r\n\r\n.." END

/* Red: each row without the check that it names. */
static const struct {
    const char *body, *message;
} bad[] = {
    {"--xyz\r\n" H("a") "1\r\n--xyz--\r\n", "no delimiter"},
    {"--XyZ\n" H("a"), "delimiter line"},
    {"--XyZ\rContent", "delimiter line"},
    {"--XyZZ\r\n" H("a"), "delimiter line"},
    {"--XyZ-\r\n", "delimiter line"},
    {"--XyZ --\r\n", "delimiter line"},
    {"--XyZ\r\n" H("a") "1" D "Z" END, "delimiter line"},
    {"--XyZ                                                                          \r\n", "delimiter line"},
    {"--XyZ\r\n" CD "; name=a\n\n.." END, "does not end in CR LF"},
    {PART(CD "; name=ab\nX: y"), "does not end in CR LF"},
    {"--XyZ\r\n\n", "does not end in CR LF"},
    {"--XyZ\r\n\r\n.." END, "no Content-Disposition"},
    {PART("Content-Type: text/plain"), "no Content-Disposition"},
    {PART(CD), "no name"},
    {PART(CD "; name=\"\""), "no name"},
    {PART(CD "; filename=a"), "no name"},
    {PART(CD "; name*=UTF-8''a"), "no name"},
    {PART(CD "; name=a; name=a"), "two names"},
    {PART(CD "; name=a; filename=a; filename=b"), "two filenames"},
    {PART(CD "; name=a\r\n" CD "; name=a"), "two Content-Disposition"},
    {PART(CD "; name=a\r\nContent-Type: a/b\r\ncontent-type: a/b"), "two Content-Type"},
    {PART("Content-Disposition: attachment; name=a"), "other than form-data"},
    {PART("Content-Disposition: "), "malformed"},
    {PART(CD " name=a"), "malformed"},
    {PART(CD "; name"), "malformed"},
    {PART(CD "; name="), "malformed"},
    {PART(CD "; name=\"a"), "malformed"},
    {PART(CD "; name=\"a\\\""), "malformed"},
    {PART(CD "; name=\"a\"b"), "malformed"},
    {PART(CD "; name=\"a\" filename=b"), "malformed"},
    {PART(CD "; =a"), "malformed"},
    {PART(CD "; name = a"), "malformed"},
    {PART(CD "; name=a\r\n folded: yes"), "not of the form"},
    {PART(CD "; name=a\r\nContent-Type : a/b"), "not of the form"},
    {PART(CD "; name=a\r\nno colon"), "not of the form"},
    {PART(CD "; name=a\r\n: empty"), "not of the form"},
    {PART(CD "; name=\"a\rb\""), "control character"},
    {PART(CD "; name=\"a\x1b[2J\""), "control character"},
    {PART(CD "; name=\"a\x7f\""), "control character"},
    {PART(CD "; name=a\r\nContent-Transfer-Encoding: base64"), "Content-Transfer-Encoding"},
    {PART(CD "; name=a\r\nContent-Transfer-Encoding: quoted-printable"), "Content-Transfer-Encoding"},
    {PART(CD "; name=a\r\nContent-Type: Multipart/mixed; boundary=q"), "itself multipart"},
};

#endif
