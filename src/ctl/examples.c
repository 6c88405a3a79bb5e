/* Lines that --help shows, complete as they stand. */
#include "help.h"

const ctl_example ctl_examples[] = {
    {"sign", NULL, "finqctl sign --key jws.pem --issuer signer@example.com body.json > headers"},
    {"sign", NULL,
     "finqctl sign --key message.pem --algorithm ed25519 --tenant 01890a5d-ac96-774b-bcce-b302099a8057 "
     "--url https://api.example.com/v1s/sessions body.json > headers"},
    {"verify", NULL, "finqctl verify --key jws.pub \"$(cat headers)\" body.json"},
    {"verify", NULL,
     "finqctl verify --key message.pub --algorithm ed25519 --url https://api.example.com/v1s/sessions \"$(cat headers)\" body.json"},
    {"doctor", NULL, "finqctl doctor --config /etc/apache2/apache2.conf"},
    {"explain", NULL, "finqctl explain 01890a5d-ac96-774b-bcce-b302099a8057 --log /var/log/apache2/error.log"},
    {"webhook", "test", "finqctl webhook test 01890a5d-ac96-774b-bcce-b302099a8057 --type session.completed"},
    {NULL, NULL, NULL},
};
